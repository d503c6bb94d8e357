"""What to type to install more of this package, from where it was itself installed."""

import json
from importlib.metadata import PackageNotFoundError, distribution
from urllib.parse import unquote, urlparse

NAME = "cxr-cli"


def install_command(extra: str = "") -> str:
    """Return the command that installs this package again, with an extra: from its checkout, wheel or index.

    `pip install cxr-cli[gpu]` would look for it on an index, where one who has a checkout may not find it.
    """
    wanted = f"[{extra}]" if extra else ""
    try:
        recorded = distribution(NAME).read_text("direct_url.json")
    except PackageNotFoundError:
        recorded = None
    if recorded is None:
        return f"pip install '{NAME}{wanted}'"
    source = json.loads(recorded)
    url = source["url"]
    if not url.startswith("file:"):
        return f"pip install '{NAME}{wanted} @ {url}'"
    editable = "-e " if source.get("dir_info", {}).get("editable") else ""
    return f"pip install {editable}'{unquote(urlparse(url).path)}{wanted}'"
