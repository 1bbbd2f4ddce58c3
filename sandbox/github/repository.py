"""The laptop's remote: a bare repository and a scratch clone, made from a work tree's files."""

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.base.errors import ConfigurationError
from pipeline.base.run import run
from sandbox.github import event as events
from sandbox.github.event import Event, PullRequest, Repository

FIRST_MESSAGE = "Take the repository as it is"


class Remote:
    """The bare repository, its forks, and the scratch clone that commits come from.

    `home` holds a git configuration of its own, in which https://github.com/ is the folder of remotes: so
    the URLs that workflows see are GitHub's, and nothing of the person's own configuration has a say.
    """

    def __init__(self, folder: Path, repository: Repository) -> None:
        self.repository = repository
        self.folder = folder
        self.remotes = folder / "remotes"
        self.bare = self.remotes / f"{repository.full_name}.git"
        self.clone = folder / "clone"
        self.config = folder / "gitconfig"

    @property
    def url(self) -> str:
        """The URL that the clone's origin has."""
        return f"https://github.com/{self.repository.full_name}"

    @property
    def environment(self) -> dict[str, str]:
        """What makes git read this sandbox's configuration and nobody else's."""
        return {
            "GIT_CONFIG_GLOBAL": str(self.config),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
        }

    def git(self, *words: str, cwd: Path | None = None, author: str = "") -> str:
        """What a git command in the scratch clone (or `cwd`) prints. Raises ToolError."""
        who: dict[str, str] = {}
        for role in ("AUTHOR", "COMMITTER") if author else ():
            who |= {f"GIT_{role}_NAME": author, f"GIT_{role}_EMAIL": f"{author}@users.noreply.github.com"}
        keep = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
        env = keep | self.environment | who
        return run(["git", *words], cwd=cwd or self.clone, env=env, inherit=False).stdout.rstrip("\n")

    def create(self, source: Path) -> str:
        """Make remote and clone; the files of `source` that git would commit are the first commit on main.

        Returns that commit. What was there before is removed. Raises ConfigurationError where `source` is no
        git work tree.
        """
        files = _files(source)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.remotes.mkdir(parents=True)
        self.config.write_text(
            f'[url "file://{self.remotes}/"]\n\tinsteadOf = https://github.com/\n'
            f"[init]\n\tdefaultBranch = {self.repository.branch}\n"
            "[advice]\n\tdetachedHead = false\n[gc]\n\tauto = 0\n"
            '[uploadpack]\n\tallowAnySHA1InWant = true\n[protocol "file"]\n\tallow = always\n'
        )
        self._bare(self.bare)
        self.git("clone", "--quiet", self.url, str(self.clone), cwd=self.folder)
        # A person's own git, which works in the clone too, has none of the settings above.
        self.git("config", f"url.file://{self.remotes}/.insteadOf", "https://github.com/")
        for file in files:
            target = self.clone / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / file, target, follow_symlinks=False)
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--message", FIRST_MESSAGE, author="alice")
        self.git("push", "--quiet", "origin", self.repository.branch)
        return self.head()

    def _bare(self, path: Path) -> None:
        path.mkdir(parents=True)
        self.git("init", "--quiet", "--bare", "--initial-branch", self.repository.branch, cwd=path)
        (path / "description").write_text("The laptop's stand-in for a repository on GitHub.\n")

    def head(self, ref: str = "HEAD") -> str:
        """The commit that a ref of the clone names."""
        return self.git("rev-parse", "--verify", f"{ref}^{{commit}}")

    def commit(
        self,
        message: str,
        files: Mapping[str, str | bytes | None],
        *,
        branch: str = "",
        start: str = "",
        author: str = "alice",
    ) -> str:
        """Commit on `branch` of the clone and return the commit.

        `files` holds new contents by path, None to delete; a branch that doesn't exist starts at `start`
        (else at the default branch, which no `branch` means too). Nothing is pushed.
        """
        branch = branch or self.repository.branch
        known = self.git("branch", "--list", branch)
        self.git(
            "switch",
            "--quiet",
            *([branch] if known else ["--create", branch, start or self.repository.branch]),
        )
        for name, content in files.items():
            path = self.clone / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message, author=author)
        return self.head()

    def push(self, branch: str = "", *, actor: str = "alice", force: bool = False) -> Event:
        """Push a branch of the clone, the default branch unless one is named; the event of that push."""
        branch = branch or self.repository.branch
        before = self._remote_id(f"refs/heads/{branch}")
        self.git("push", "--quiet", *(["--force"] if force else []), "origin", f"{branch}:{branch}")
        after = self.head(branch)
        return events.push(
            self.repository,
            f"refs/heads/{branch}",
            after,
            actor,
            before=before or events.NOTHING,
            changed=self._changed(before or self._fork_point(branch), after),
            message=self.git("log", "-1", "--format=%B", after),
        )

    def tag(
        self,
        name: str,
        commit: str = "",
        *,
        annotated: bool = True,
        actor: str = "alice",
        move: bool = False,
    ) -> Event:
        """Make and push a tag; the event of that push. `move` replaces a tag that exists."""
        before = self._remote_id(f"refs/tags/{name}")
        force = ["--force"] if move else []
        message = ["--annotate", "--message", f"Release {name}"] if annotated else []
        self.git("tag", *force, *message, name, self.head(commit or self.repository.branch), author=actor)
        self.git("push", "--quiet", *force, "origin", f"refs/tags/{name}")
        return events.push(
            self.repository,
            f"refs/tags/{name}",
            self.head(name),
            actor,
            before=before or events.NOTHING,
            after=self.git("rev-parse", f"refs/tags/{name}"),
            message=self.git("log", "-1", "--format=%B", name),
        )

    def open_pull_request(
        self, branch: str, title: str, *, number: int, author: str = "alice", fork: Repository | None = None
    ) -> PullRequest:
        """Push `branch` and open a pull request into the default branch; `fork` is the repository it comes from."""
        return self._merged(
            PullRequest(
                number=number,
                title=title,
                branch=branch,
                base=self.repository.branch,
                head="",
                base_sha="",
                merge="",
                author=author,
                repository=fork or self.repository,
                changed=(),
            )
        )

    def update_pull_request(self, request: PullRequest) -> PullRequest:
        """Push what was committed on the pull request's branch since."""
        return self._merged(request)

    def _merged(self, request: PullRequest) -> PullRequest:
        """Push the branch, and make the merge commit that a pull request's checks run on."""
        head = self.head(request.branch)
        if request.repository == self.repository:
            self.git("push", "--quiet", "--force", "origin", f"{request.branch}:{request.branch}")
        else:
            fork = self.remotes / f"{request.repository.full_name}.git"
            if not fork.exists():
                self._bare(fork)
            self.git("push", "--quiet", "--force", str(fork), f"{request.branch}:{request.branch}")
        return self.refresh(replace(request, head=head))

    def refresh(self, request: PullRequest) -> PullRequest:
        """Merge a pull request's head with its base as it is now, as GitHub does before each run; the same merge stays.

        `base_sha` stays what it was when the pull request was opened: GitHub's events tell an old one.
        """
        head, base = request.head, self._remote_id(f"refs/heads/{request.base}")
        if request.merge and self.git("show", "--no-patch", "--format=%P", request.merge) == f"{base} {head}":
            return request
        merge = self._merge(base, head, f"Merge {head} into {base}", request.author)
        number = f"refs/pull/{request.number}"
        self.git("push", "--quiet", "--force", "origin", f"{head}:{number}/head", f"{merge}:{number}/merge")
        changed = self._changed(self.git("merge-base", base, head), head)
        return replace(request, base_sha=request.base_sha or base, tip=base, merge=merge, changed=changed)

    def queue(self, request: PullRequest) -> Event:
        """Put a pull request into the merge queue, by itself: the event of the group that is to be checked."""
        base = self._remote_id(f"refs/heads/{request.base}")
        title = f"Merge pull request #{request.number} from {request.repository.owner}/{request.branch}"
        merge = self._merge(base, request.head, title, request.author)
        ref = f"refs/heads/gh-readonly-queue/{request.base}/pr-{request.number}-{base}"
        self.git("push", "--quiet", "--force", "origin", f"{merge}:{ref}")
        changed = self._changed(base, merge)
        return events.merge_group(self.repository, ref, merge, request.base, base, changed)

    def merge(self, request: PullRequest, *, actor: str = "bob") -> Event:
        """Merge a pull request with a merge commit, and push it; the event of that push."""
        before = self._remote_id(f"refs/heads/{request.base}")
        title = (
            f"Merge pull request #{request.number} from "
            f"{request.repository.owner}/{request.branch}\n\n{request.title}"
        )
        merge = self._merge(before, self.head(request.branch), title, actor)
        self.git("switch", "--quiet", request.base)
        self.git("reset", "--quiet", "--hard", merge)
        return self.push(request.base, actor=actor)

    def _merge(self, base: str, head: str, message: str, author: str) -> str:
        tree = self.git("merge-tree", "--write-tree", base, head)
        return self.git("commit-tree", tree, "-p", base, "-p", head, "-m", message, author=author)

    def checkout(self, commit: str, folder: Path) -> None:
        """The files and history at `commit` in a new folder, with GitHub's URL as origin."""
        self.git("clone", "--quiet", "--shared", "--no-checkout", self.url, str(folder), cwd=self.folder)
        if not self._holds(folder, commit):
            self.git("fetch", "--quiet", "origin", commit, cwd=folder)
        self.git("checkout", "--quiet", "--detach", commit, cwd=folder)

    def _holds(self, folder: Path, commit: str) -> bool:
        env = {"PATH": os.environ["PATH"], **self.environment}
        words = ["git", "cat-file", "-e", f"{commit}^{{commit}}"]
        return run(words, cwd=folder, env=env, inherit=False, check=False).status == 0

    def _remote_id(self, ref: str) -> str:
        return self.git("ls-remote", "origin", ref).partition("\t")[0]

    def _changed(self, before: str, after: str) -> tuple[str, ...]:
        names = self.git("diff", "--name-only", "-z", before, after)
        return tuple(name for name in names.split("\0") if name)

    def _fork_point(self, branch: str) -> str:
        return self.git("merge-base", f"origin/{self.repository.branch}", branch)


def _files(source: Path) -> Iterable[Path]:
    """The files that git would commit: tracked ones that exist, and untracked ones that aren't ignored."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = run(words, cwd=source, check=False)
    if listed.status != 0:
        raise ConfigurationError(
            f"{source} is no git work tree: {listed.stderr.strip()}", "Start the sandbox in a clone."
        )
    names = sorted({name for name in listed.stdout.split("\0") if name})
    return [Path(name) for name in names if (source / name).is_file() or (source / name).is_symlink()]
