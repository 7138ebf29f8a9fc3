"""Pages for people whose commands a test runs, as they are written but for names, paths and ports."""
import os
import pathlib
import re

import chancery
import processes

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def blocks(page, section=None, kind="sh"):
    """The code of this kind in a page, or in one of its sections."""
    text = (ROOT / page).read_text()
    if section:
        text = re.search(rf"^## {re.escape(section)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)[1]
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.M | re.S)


def put_in(code, names):
    """The code with other names in place of the page's; each of them must be there."""
    for old, new in names.items():
        assert old in code, f"the page does not say {old}:\n{code}"
        code = code.replace(old, str(new))
    return code


def environment(server, home):
    """What the README's four lines say, in a shell of its own."""
    return {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "HOME": str(home), "LANG": "C.UTF-8",
            "CHANCERY_SERVER": server.url.rstrip("/"), "CHANCERY_CACERT": str(server.ca), "CHANCERY_USERNAME": server.user,
            "CHANCERY_PASSWORD": server.password}


def shell(code, server, home, **more):
    """Run it as a person would who stops at the first failure."""
    code = code.replace("build/chancery ", f"{chancery.BUILD / 'chancery'} ")
    done = processes.run(["bash", "-eu", "-o", "pipefail", "-c", code], cwd=home, timeout=180,
                         env={**environment(server, home), **more})
    assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
    return done.stdout
