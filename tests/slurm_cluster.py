"""A Slurm cluster as its users see it: submit scripts, and watch their jobs."""

import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "OUT_OF_MEMORY"}
"""States that a job stays in."""


@dataclass(frozen=True)
class Cluster:
    """A cluster that runs.

    Attributes:
        folder: where jobs run.
        environment: of its programs, and of the jobs.
    """

    folder: Path
    environment: dict[str, str]

    def call(self, *words: str, script: str = "") -> str:
        """Run one of Slurm's programs, a script on its stdin, and return what it prints."""
        done = subprocess.run(
            words,
            input=script,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def states(self, job: str) -> set[str]:
        """Return the states of a job's tasks."""
        return set(re.findall(r"JobState=(\w+)", self.call("scontrol", "show", "job", job)))

    def wait(self, job: str) -> None:
        """Wait until all of a job is completed; fail where it fails."""
        self.wait_until(lambda: self.states(job) <= ENDED)
        assert self.states(job) == {"COMPLETED"}, (
            f"{self.call('scontrol', 'show', 'job', job)}\n{self.logs()}"
        )

    def stop_and_wait(self, job: str) -> None:
        """Ask a job to stop, as Slurm does before its time runs out; wait until it has run again."""
        self.call("scancel", "--signal=USR1", job)
        self.wait_until(lambda: self.states(job) == {"PENDING"})
        self.call("scontrol", "update", f"JobId={job}", "StartTime=now")  # Slurm would wait two minutes
        self.wait(job)

    def wait_until(self, done: Callable[[], bool]) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + 300
        while not done():
            assert time.monotonic() < deadline, self.logs()
            time.sleep(0.5)

    def logs(self) -> str:
        """Return what all jobs printed."""
        return "\n".join(path.read_text() for path in self.folder.glob("*.*"))
