"""What `import experimaestro` and a job's process load: little, as each of many jobs pays for it."""

import subprocess
import sys

import pytest

HEAVY = (
    "asyncio",
    "click",
    "IPython",
    "ipykernel",
    "ipywidgets",
    "jupyter_client",
    "jupyter_core",
    "msgspec",
    "nest_asyncio",
    "numpy",
    "psutil",
    "rich",
    "traitlets",
)

PUBLIC_NAMES_OF_A_JOB = (
    "from experimaestro import Annotated, Config, Meta, Param, Task, pathgenerator, progress"
)

WHO_LOADS = """
import sys

wanted = sys.argv[1].split(",")
chains = {}

class Spy:  # asked first whenever a module is looked for
    @staticmethod
    def find_spec(name, path=None, target=None):
        frame, chain = sys._getframe(1), []
        while name in wanted and frame is not None:
            importer = frame.f_globals["__name__"]
            if "importlib" not in importer and importer not in chain:
                chain.insert(0, importer)
            frame = frame.f_back
        chains[name] = chain

sys.meta_path.insert(0, Spy)
exec(sys.argv[2])
for module in wanted:
    if module in sys.modules:
        print(module, "is loaded by", " > ".join(chains.get(module, ["the interpreter"])))
"""


def loaded(code: str, modules: tuple[str, ...]) -> str:
    """Which of the modules a fresh interpreter has loaded after `code`, and by whom."""
    run = subprocess.run(
        [sys.executable, "-c", WHO_LOADS, ",".join(modules), code],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize(
    "code", ["import experimaestro", "import experimaestro.jobrun", PUBLIC_NAMES_OF_A_JOB]
)
def test_it_loads_nothing_heavy(code: str):
    assert loaded(code, HEAVY) == ""


def test_a_job_loads_no_module_that_its_task_may_not_need():
    names = "from experimaestro import Config, Meta, Param, Task, field"
    assert loaded(f"import experimaestro.jobrun; {names}", ("hashlib", "pathlib", "urllib")) == ""


def test_a_heavy_import_is_told_with_its_chain():
    assert loaded("import logging.config", ("logging", "json", "socket")) == (
        "logging is loaded by __main__\nsocket is loaded by __main__ > logging.config > logging.handlers\n"
    )
