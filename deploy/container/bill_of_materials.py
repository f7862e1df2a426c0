"""`make sbom`: what the container image adds to its base, as a CycloneDX bill of materials, and under which licences.

cyclonedx-py describes an environment that is installed from the image's lock file; here it gets the program itself on top and
the hash of every file that was installed, and is judged: valid by the standard, complete by the lock, of allowed licences.
"""

import argparse
import json
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseAcknowledgement, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import get_spdx_licensing
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

PROGRAM = "cds-service"
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD License",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""What authors say in words where they name no SPDX identifier."""
_FOUND = {"protobuf": "BSD-3-Clause"}
"""What the licence file of a package says whose metadata name no licence that cyclonedx-py knows."""
ALLOWED = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD License",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Unlicense",
    }
)
"""Licences that ask no more of who runs the image, or passes it on, than to keep their texts, which the image does."""
ALLOWED_FOR = {"LGPL-3.0-only": frozenset({"psycopg", "psycopg-binary"})}
"""The LGPL lets a program of any licence use a library that is unchanged and may be replaced, as a package in the image may."""


class Unfit(Exception):
    """The bill is not as it must be; the message says where."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("environment", type=Path, help="the environment as cyclonedx-py describes it")
    parser.add_argument("installed", type=Path, help="pip's report of what was installed")
    parser.add_argument("lock", type=Path, help="the lock file")
    parser.add_argument("--output", type=Path, default=Path("dist"))
    arguments = parser.parse_args()
    try:
        bom = bill(json.loads(arguments.environment.read_bytes()), hashes(json.loads(arguments.installed.read_bytes())))
        judge(bom, arguments.lock)
        text = valid(bom)
    except Unfit as error:
        sys.stderr.write(f"make sbom: {error}\n")
        return 1
    arguments.output.mkdir(exist_ok=True)
    for name, content in (("sbom.cdx.json", text), ("licences.md", report(bom))):
        (arguments.output / name).write_text(content, encoding="utf-8")
    sys.stdout.write(
        f"{len(bom.components)} packages, each locked, of allowed licences: {arguments.output}/sbom.cdx.json, licences.md\n"
    )
    return 0


def hashes(installed: Mapping[str, Any]) -> dict[NormalizedName, str]:
    """The SHA-256 of the file that each package was installed from, by name; from pip's report."""
    return {
        canonicalize_name(one["metadata"]["name"]): one["download_info"]["archive_info"]["hashes"]["sha256"]
        for one in installed["install"]
    }


def bill(environment: Mapping[str, Any], sha256: Mapping[NormalizedName, str]) -> Bom:
    """The environment's bill with the program on top and a hash for each package."""
    bom: Bom = Bom.from_json(data=environment)  # type: ignore[attr-defined]  # the library adds it at run time
    by_name = {canonicalize_name(component.name): component for component in bom.components}
    for name, component in by_name.items():
        if name in sha256:
            component.hashes.add(HashType(alg=HashAlgorithm.SHA_256, content=sha256[name]))
        if name in _FOUND and not component.licenses:
            component.licenses.add(DisjunctiveLicense(id=_FOUND[name], acknowledgement=LicenseAcknowledgement.CONCLUDED))
    program = Component(
        name=PROGRAM,
        version=metadata.version(PROGRAM),
        type=ComponentType.APPLICATION,
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
        bom_ref=PROGRAM,
    )
    bom.metadata.component = program
    bom.register_dependency(program, [by_name[name] for name in sorted(_asked_for() & by_name.keys())])
    return bom


def _asked_for() -> set[NormalizedName]:
    return {canonicalize_name(Requirement(line).name) for line in metadata.requires(PROGRAM) or ()}


def locked(lock: Path) -> Iterator[tuple[Requirement, frozenset[str]]]:
    """What the lock file asks for in this Python, with the SHA-256 of each file that will do."""
    lines = (line for line in lock.read_text(encoding="utf-8").splitlines() if not line.lstrip().startswith("#"))
    for entry in "\n".join(lines).replace("\\\n", " ").splitlines():
        text, *allowed = entry.split("--hash=sha256:")
        requirement = Requirement(text.strip())
        if requirement.marker is None or requirement.marker.evaluate():
            yield requirement, frozenset(one.strip() for one in allowed)


def judge(bom: Bom, lock: Path) -> None:
    """Raises: Unfit where the bill and the lock differ, or a licence is not allowed."""
    listed = {canonicalize_name(component.name): component for component in bom.components}
    for requirement, allowed in locked(lock):
        component = listed.pop(canonicalize_name(requirement.name), None)
        if component is None or not requirement.specifier.contains(str(component.version)):
            raise Unfit(f"{requirement.name} is not listed as it is locked ({requirement.specifier})")
        if not allowed.intersection(one.content for one in component.hashes):
            raise Unfit(f"{requirement.name} has no hash that the lock allows")
    if listed:
        raise Unfit(f"{', '.join(sorted(listed))} is listed, and not locked")
    for component in bom.components:
        if refused := not_allowed(component.name, licences(component)):
            raise Unfit(f"{component.name} is under {refused}: replace it, or allow that here and say why")


def licences(component: Component) -> tuple[str, ...]:
    """What its authors declare: SPDX expressions, or their own words."""
    return tuple(sorted({_licence(one) for one in component.licenses}))


def _licence(one: DisjunctiveLicense | LicenseExpression) -> str:
    if isinstance(one, LicenseExpression):
        return one.value
    words = (one.name or "").rpartition(" :: ")[2]
    return one.id or _CLASSIFIERS.get(words, words)


def not_allowed(name: str, declared: Collection[str]) -> str | None:
    """The licence that keeps the package out, if one does. Of several that are declared, each must be allowed."""
    if not declared:
        return "no licence that it names"
    mine = ALLOWED | {licence for licence, names in ALLOWED_FOR.items() if canonicalize_name(name) in names}
    return next((licence for licence in declared if licence not in mine and not _allows(licence, mine)), None)


def _allows(expression: str, allowed: Collection[str]) -> bool:
    """Whether an SPDX expression can be met by allowed licences alone."""
    licensing = get_spdx_licensing()
    parsed = licensing.parse(expression)
    symbols = licensing.license_symbols(parsed, unique=True, decompose=False)
    met = {symbol: licensing.TRUE if str(symbol) in allowed else licensing.FALSE for symbol in symbols}
    return bool(symbols) and parsed.subs(met, simplify=True) == licensing.TRUE


def valid(bom: Bom) -> str:
    """The bill as CycloneDX JSON. Raises: Unfit."""
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    if (fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)) is not None:
        raise Unfit(f"the bill is not valid CycloneDX 1.6: {fault}")
    return text


def report(bom: Bom) -> str:
    """The licences as a table."""
    rows = sorted((component.name.casefold(), component) for component in bom.components)
    return "".join(_report_lines(component for _, component in rows))


def _report_lines(components: Iterable[Component]) -> Iterator[str]:
    yield f"# Licences of what the image of {PROGRAM} {metadata.version(PROGRAM)} adds to its base\n\n"
    yield "| package | version | licence |\n|---|---|---|\n"
    for component in components:
        yield f"| {component.name} | {component.version} | {'; '.join(licences(component))} |\n"
    for licence, names in ALLOWED_FOR.items():
        yield f"\n{licence} ({', '.join(sorted(names))}): used unchanged, as packages of their own that may be replaced.\n"


if __name__ == "__main__":
    sys.exit(main())
