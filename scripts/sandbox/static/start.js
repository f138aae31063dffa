// What Salla's theme engine does at the end of the body, before any app's snippet: it starts the SDK.
(() => {
  const { salla } = window;
  // Salla's SDK reports redirects and errors to Salla; nothing leaves this machine.
  salla.analytics.log = async () => {};
  // The stage shows the store in a frame, as the theme editor does; it is no editor.
  if (window.name.startsWith("stage-")) salla.helpers.isPreview = () => false;
  salla.init(JSON.parse(document.getElementById("salla-config").textContent));
})();
