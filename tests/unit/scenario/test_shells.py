"""Asset Administration Shells: capabilities become machines, and none is lost without a word."""

import io
import json
import zipfile
from typing import Any

import pytest
from basyx.aas import model
from basyx.aas.adapter import aasx
from basyx.aas.adapter.json import write_aas_json_file
from basyx.aas.examples.data import create_example

from fabmarket.scenario import MalformedText
from fabmarket.scenario.tables import Faults, Sheet, Table, read_sheets, read_table

VALUES = {"unit": "minute", "Maintenance": "1.10", "capacity": "240", "slots": "6"}


def capability(name: str = "milling", **values: str) -> model.SubmodelElementCollection:
    """As the IDTA's template has it: a container with the capability and a set of properties."""
    properties = [
        model.Property(key, model.datatypes.String, value)
        for key, value in (values or VALUES).items()
    ]
    inside = [model.SubmodelElementCollection("PropertySet", properties), model.Capability(name)]
    return model.SubmodelElementCollection(f"{name}_container", inside)


def environment(*containers: model.SubmodelElement) -> model.DictIdentifiableStore:
    capabilities = model.SubmodelElementCollection("CapabilitySet", containers)
    submodel = model.Submodel("urn:test:submodel", [capabilities], id_short="Capabilities")
    shell = model.AssetAdministrationShell(
        model.AssetInformation(global_asset_id="urn:test:asset"),
        "urn:test:shell",
        id_short="mill_1",
        submodel={model.ModelReference.from_referable(submodel)},
    )
    return model.DictIdentifiableStore([shell, submodel])


def as_json(store: Any) -> bytes:
    text = io.StringIO()
    write_aas_json_file(text, store)
    return text.getvalue().encode()


def as_aasx(store: Any, write_json: bool = False) -> bytes:
    content = io.BytesIO()
    with aasx.AASXWriter(content) as package:
        files = aasx.DictSupplementaryFileContainer()
        package.write_aas("urn:test:shell", store, files, write_json=write_json)
    return content.getvalue()


def read(data: bytes, name: str) -> list[Sheet]:
    return read_sheets(data, name)


def table(sheet: Sheet) -> Table:
    faults = Faults()
    found = read_table(sheet, None, faults)
    faults.raise_if_any()
    assert found is not None
    return found


FORMS = {
    "json": lambda store: (as_json(store), "a.json"),
    "aasx of xml": lambda store: (as_aasx(store), "a.aasx"),
    "aasx of json": lambda store: (as_aasx(store, write_json=True), "a.aasx"),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_capability_is_a_machine(form) -> None:
    (sheet,) = read(*form(environment(capability())))
    assert not sheet.notes
    (row,) = table(sheet).rows
    assert {key: str(value) for key, value in row.values.items()} == {
        "machine": "mill_1",
        "resource": "milling",
        "unit": "minute",
        "maintenance": "1.1",
        "capacity": "240",
        "slots": "6",
    }


def test_several_capabilities_of_a_shell_are_machines_of_its_name_and_theirs() -> None:
    store = environment(capability(), capability("drilling", unit="hole", machine="drill"))
    milling, drilling = sorted(read(as_json(store), "a.json"), key=lambda each: each.name)[::-1]
    assert milling.rows[1][1][:2] == ["mill_1 milling", "milling"]
    assert drilling.rows[1][1][:3] == ["drill", "drilling", "hole"]


def test_what_the_market_needs_and_a_shell_does_not_say_is_asked_for_with_its_path() -> None:
    (sheet,) = read(as_json(environment(capability(unit="hour"))), "a.json")
    faults = Faults()
    read_table(sheet, None, faults)
    with pytest.raises(Exception, match="maintenance: is empty; fill it in") as caught:
        faults.raise_if_any()
    path = "a.json, mill_1/Capabilities/CapabilitySet/milling_container/milling, maintenance"
    assert path in str(caught.value)


def test_a_capability_that_is_called_so_has_the_name_of_its_container() -> None:
    container = model.SubmodelElementCollection("Drilling", [model.Capability("Capability")])
    (sheet,) = read(as_json(environment(container)), "a.json")
    assert sheet.rows[1][1][1] == "Drilling"


def broken(where: str) -> bytes:
    """An environment of which one element has two qualifiers of one type, which no element may."""
    found = json.loads(as_json(environment(capability())))
    container = found["submodels"][0]["submodelElements"][0]["value"][0]
    properties, ability = container["value"]
    other = {"modelType": "Property", "idShort": "colour", "valueType": "xs:string"}
    properties["value"].append(other)
    element = {"capability": ability, "unit": properties["value"][0], "other": other}[where]
    qualifier = {"type": "SMT/Cardinality", "valueType": "xs:string", "value": "One"}
    element["qualifiers"] = [qualifier, qualifier]
    return json.dumps(found).encode()


@pytest.mark.parametrize("where", ["capability", "unit"])
def test_a_capability_or_a_value_that_the_library_passes_over_refuses_the_file(where: str) -> None:
    with pytest.raises(MalformedText, match=r"1 of 5 capabilities, and properties .* AASd-021"):
        read(broken(where), "a.json")


def test_what_is_passed_over_beside_them_is_told() -> None:
    (sheet,) = read(broken("other"), "a.json")
    assert any("AASd-021" in note for note in sheet.notes)
    assert all(note.startswith("a.json: not read: ") for note in sheet.notes)
    assert table(sheet).rows


def changed(change) -> bytes:
    """A package, each part of it changed."""
    content = io.BytesIO()
    package = io.BytesIO(as_aasx(environment(capability())))
    with zipfile.ZipFile(package) as old, zipfile.ZipFile(content, "w") as new:
        for part in old.namelist():
            new.writestr(part, change(old.read(part)))
    return content.getvalue()


def test_an_element_of_another_version_of_the_metamodel_is_not_lost_silently() -> None:
    data = changed(lambda part: part.replace(b"/aas/3/1", b"/aas/2/0"))
    with pytest.raises(MalformedText, match="5 of 5 capabilities"):
        read(data, "a.aasx")


@pytest.mark.parametrize(
    "where", ["/TestFile.pdf", "../../a%20b.pdf", "?", "/a/../../..", "\u202e/\\0"]
)
def test_regression_an_attachment_that_is_not_there_is_told_and_refuses_nothing(where: str) -> None:
    """As in the example that basyx itself writes."""
    store = environment(capability())
    (submodel,) = (each for each in store if isinstance(each, model.Submodel))
    submodel.submodel_element.add(model.File("manual", "application/pdf", where))
    (sheet,) = read(as_aasx(store), "a.aasx")
    assert table(sheet).rows == table(read(as_aasx(environment(capability())), "a.aasx")[0]).rows
    (note,) = sheet.notes
    assert note.startswith("a.aasx: not read: attachment ")


def test_regression_the_example_that_basyx_writes_is_read() -> None:
    store, content = create_example(), io.BytesIO()
    with aasx.AASXWriter(content) as package:
        shells = [each.id for each in store if isinstance(each, model.AssetAdministrationShell)]
        package.write_aas(shells, store, aasx.DictSupplementaryFileContainer())
    found = read(content.getvalue(), "example.aasx")
    same = read(as_json(store), "example.json")  # and submodels that no shell names
    assert found
    assert {str(each.rows[1]) for each in found} <= {str(each.rows[1]) for each in same}
    said = [note for note in found[0].notes if "attachment '/TestFile.pdf'" in note]
    assert said == ["example.aasx: not read: attachment '/TestFile.pdf' (Could not find part"
                    " /TestFile.pdf in package)"]  # fmt: skip


HOSTILE = {
    "deep": (b'{"submodels": ' + b"[" * 100_000, "a.json"),
    "no json": (b"{", "a.json"),
    "other json": (b'{"title": "a market"}', "a.json"),
    "a list": (b"[1, 2]", "a.json"),
    "no package": (b"PK", "a.aasx"),
    "not a number": (b'{"submodels": [NaN]}', "a.json"),
    "no text": (b"\xff\x00\xff", "a.json"),
}


@pytest.mark.parametrize(("data", "name"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_shell_is_refused(data: bytes, name: str) -> None:
    with pytest.raises(MalformedText, match=f"^{name}"):
        read(data, name)


def test_entities_are_refused() -> None:
    entity = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    start = b"<aas:environment"
    data = changed(lambda part: part.replace(start, entity + start))
    with pytest.raises(MalformedText, match="declares a document type"):
        read(data, "a.aasx")
