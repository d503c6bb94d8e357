"""`cxr doctor`: what this installation and this machine can do."""

from cxr_cli.commands.console import say, show


def doctor() -> None:
    """Report what this installation and this machine can do.

    One line for each check. An exclamation mark means that something will not work as it is; the line says
    what to do. The exit code is 0 either way.
    """
    from cxr_cli.report.installation import examine_installation

    checks = examine_installation()
    for check in checks:
        show(f"{' ' if check.works else '!'} {check.name}: {check.found}")
    faults = sum(not check.works for check in checks)
    if faults:
        say(f"{faults} of these will not work as {'it is' if faults == 1 else 'they are'}")
