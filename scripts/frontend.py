"""Fetches by npm the files that no Python package ships, into folders that git ignores.

Nothing needs them to run: where npm is missing or offline, pages take the reader's own Arabic font, the sandbox's
storefront runs its own `salla` object, pages inside Salla's dashboard keep their title and messages to themselves, and
the countries of visits are unknown.
"""

import base64
import hashlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLEX = ROOT / "node_modules" / "@fontsource" / "ibm-plex-sans-arabic"
FONTS = ROOT / "static" / "vendor" / "fonts"
WEIGHTS = (400, 600)
# What of Unicode each file is fetched for; Latin's is narrowed to what the pages write.
RANGES = {
    "arabic": "U+0600-06FF, U+0750-077F, U+08A0-08FF, U+200C-200F, U+FB50-FDFF, U+FE70-FEFC",
    "latin": "U+0000-00FF, U+2000-200B, U+2010-2027, U+202F-205F, U+20AC, U+2122, U+2191, U+2193, U+2212, U+2215",
}


@dataclass(frozen=True)
class Package:
    """One that is fetched as it is pinned here, and of it only some files."""

    name: str
    sha512: str
    files: dict[str, str]  # in the package → what it is called here
    home: Path


PACKAGES = [
    # Salla's storefront SDK, GPL-3.0: fetched for the sandbox, never committed. Only its browser bundle is wanted; as
    # a dependency in package.json it would bring 70 packages that the bundle has inside already.
    Package(
        "@salla.sa/twilight@2.14.570",
        "257Mwg0SHc3PCh29M8Mb5kK6QLqMKUcCDkLoTp5HM8s3IUcaYysciq/kKKqFHpV2gNi+09JLAdfUql9IxM0UTw==",
        {"dist/@salla.sa/twilight.min.js": "twilight.min.js", "LICENSE": "LICENSE"},
        ROOT / "scripts" / "sandbox" / "static" / "vendor",
    ),
    # Salla's SDK for pages inside its dashboard, Apache-2.0.
    Package(
        "@salla.sa/embedded-sdk@0.2.5",
        "y6xrVE+/wdL6oXYaiL2ZfehLlUClfIIr+MY62WTOdFSG1fMxRwZ32mVRTXVBngSyKVTjjDcDvT5mQvvFtI6GrA==",
        {"dist/umd/index.js": "embedded-sdk.js", "LICENSE": "LICENSE"},
        ROOT / "static" / "vendor" / "salla",
    ),
    # Which country a network is in: data of the NRO, CC BY 4.0 (docs/adr/0012).
    Package(
        "@ip-location-db/geo-whois-asn-country-mmdb@2.3.2026061719",
        "xemBDNQl4mCYDuVbqe3jKGKsVDykZGkfvebhtOh/3VGLadq8vsp7t7ontpMUt3hH7sAGT0eLDyJ99SV+0waxZg==",
        {"geo-whois-asn-country.mmdb": "countries.mmdb", "NRO_LICENSE": "LICENSE"},
        ROOT / "visitors" / "vendor",
    ),
]
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


def place(package: Package) -> str | None:
    """The published package as it is pinned here, and of it only the files that browsers load; returns why not."""
    with tempfile.TemporaryDirectory() as folder:
        if problem := npm("pack", package.name, "--pack-destination", folder):
            return problem
        packed = next(Path(folder).glob("*.tgz"))
        if base64.b64encode(hashlib.sha512(packed.read_bytes()).digest()).decode() != package.sha512:
            return f"{package.name} is not the package that was pinned"
        package.home.mkdir(parents=True, exist_ok=True)
        with tarfile.open(packed) as archive:
            for member in archive.getmembers():
                name = package.files.get(member.name.removeprefix("package/"))
                if name and (file := archive.extractfile(member)):
                    _write(package.home / name, _without_map(file.read()))
    return None


def _write(path: Path, content: bytes) -> None:
    """In one step: a process that has the older file open keeps it."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)


def _without_map(content: bytes) -> bytes:
    """The map is not fetched, and a static file must not name one that is missing."""
    return re.sub(rb"\n//# sourceMappingURL=\S+\s*$", b"\n", content)


def main() -> int:
    if problem := npm("ci"):
        print(f"{problem}: pages will use this machine's fonts.", file=sys.stderr)
        return 1
    place_fonts()
    problems = [problem for package in PACKAGES if (problem := place(package))]
    for problem in problems:
        print(f"{problem}: the app does without it.", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
