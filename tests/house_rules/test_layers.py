"""A floor imports only from floors below it, areas know nothing of each other, and the rules are pure."""

from importlinter.cli import lint_imports

from tests.support.source import ROOT, modules


def test_the_floors_hold(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    code = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert code == 0, capsys.readouterr().out


def test_every_area_is_held_apart():
    """A new folder of pages is named in the contract that keeps areas from importing each other."""
    text = (ROOT / "pyproject.toml").read_text()
    areas = {name.split("/")[1] for name in modules("blueprints") if name.count("/") > 1}
    assert [area for area in sorted(areas) if f'"portal.blueprints.{area}"' not in text] == []


def test_every_module_stands_on_a_floor():
    floors = {"blueprints", "commands", "worker", "permissions", "htmx", "services", "mail", "models", "transactions"}
    leaves = {"extensions", "domain", "clock", "config", "errors", "network", "filters", "headers", "notices", "logs"}
    around_the_application = {"gateway", "listening", "compression", "static_files"}
    standing = {name.split("/")[0].removesuffix(".py") for name in modules()} - {"__init__"}
    assert standing - floors - leaves - around_the_application == set()
