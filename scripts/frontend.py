"""Fetches by npm the front-end files that no Python package ships, into folders that git ignores.

Nothing needs them to run: where npm is missing or offline, pages take the reader's own Arabic font, and the sandbox's
storefront runs its own `salla` object.
"""

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLEX = ROOT / "node_modules" / "@fontsource" / "ibm-plex-sans-arabic"
FONTS = ROOT / "static" / "vendor" / "fonts"
WEIGHTS = (400, 600)
# Salla's storefront SDK, GPL-3.0: fetched for the sandbox, never committed. Only its browser bundle is wanted; as a
# dependency in package.json it would bring 70 packages that the bundle has inside already.
SDK = "@salla.sa/twilight@2.14.570"
SDK_SHA512 = "257Mwg0SHc3PCh29M8Mb5kK6QLqMKUcCDkLoTp5HM8s3IUcaYysciq/kKKqFHpV2gNi+09JLAdfUql9IxM0UTw=="
SDK_FILES = ("dist/@salla.sa/twilight.min.js", "LICENSE")
SDK_HOME = ROOT / "scripts" / "sandbox" / "static" / "vendor"
# What of Unicode each file is fetched for; Latin's is narrowed to what the pages write.
RANGES = {
    "arabic": "U+0600-06FF, U+0750-077F, U+08A0-08FF, U+200C-200F, U+FB50-FDFF, U+FE70-FEFC",
    "latin": "U+0000-00FF, U+2000-200B, U+2010-2027, U+202F-205F, U+20AC, U+2122, U+2191, U+2193, U+2212, U+2215",
}
FACE = """@font-face {{
  font-family: "IBM Plex Sans Arabic";
  font-style: normal;
  font-display: swap;
  font-weight: {weight};
  src: url("{subset}-{weight}.woff2") format("woff2");
  unicode-range: {unicode};
}}
"""


def npm(*arguments: str) -> str | None:
    """Run it; returns why not."""
    program = shutil.which("npm")
    if program is None:
        return "npm is missing"
    try:
        done = subprocess.run(
            [program, *arguments, "--silent"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=180
        )
    except subprocess.TimeoutExpired:
        return "npm took too long"
    return None if done.returncode == 0 else f"npm failed: {done.stderr.strip().splitlines()[-1:]}"


def place_fonts() -> None:
    """Only the subsets and weights that the pages use, and one stylesheet that names them."""
    shutil.rmtree(FONTS, ignore_errors=True)
    FONTS.mkdir(parents=True)
    faces = []
    for subset, unicode in RANGES.items():
        for weight in WEIGHTS:
            name = f"ibm-plex-sans-arabic-{subset}-{weight}-normal.woff2"
            shutil.copyfile(PLEX / "files" / name, FONTS / f"{subset}-{weight}.woff2")
            faces.append(FACE.format(weight=weight, subset=subset, unicode=unicode))
    shutil.copyfile(PLEX / "LICENSE", FONTS / "LICENSE")
    (FONTS / "fonts.css").write_text("".join(faces))


def place_sdk() -> str | None:
    """The published package as it is pinned here, and of it only the browser's file; returns why not."""
    with tempfile.TemporaryDirectory() as folder:
        if problem := npm("pack", SDK, "--pack-destination", folder):
            return problem
        packed = next(Path(folder).glob("*.tgz"))
        if base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode() != SDK_SHA512:
            return f"{SDK} is not the package that was pinned"
        SDK_HOME.mkdir(parents=True, exist_ok=True)
        with tarfile.open(packed) as archive:
            for member in archive.getmembers():
                if member.name.removeprefix("package/") in SDK_FILES and (file := archive.extractfile(member)):
                    (SDK_HOME / Path(member.name).name).write_bytes(file.read())
    return None


def main() -> int:
    if problem := npm("ci"):
        print(f"{problem}: pages will use this machine's fonts.", file=sys.stderr)
        return 1
    place_fonts()
    if problem := place_sdk():
        print(f"{problem}: the sandbox's store will use its own salla object.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
