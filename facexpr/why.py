"""Why stages are stale, in plain words: what `dvc status --json` tells, and the values it omits.

Old values come from dvc.lock, new ones from params.yaml. Paths are from the project's root, as
both files of stages have them.
"""

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

FILES = (Path("data/sample/dvc.yaml"), Path("dvc.yaml"))
TEMPLATE = re.compile(r"\$\{([\w.]+)\}")
# DVC's words, of which the first two come with paths.
DEPS, OUTS, COMMAND, ALWAYS = "changed deps", "changed outs", "changed command", "always changed"
PLAIN = {COMMAND: "command changed (dvc.yaml)", ALWAYS: "runs always (dvc.yaml)"}


@dataclass(frozen=True)
class Stage:
    """A stage as dvc.yaml declares it, as dvc.lock records it, and what changed in between.

    command: templated; deps: each path, with the parameters in its template; record: None if the
    stage was never built; changes: DVC's words, each with what it says of paths; asked: whether
    `dvc repro` runs the stage by itself, and not only for others.
    """

    name: str
    command: str
    deps: Mapping[str, Collection[str]]
    outs: Collection[str]
    record: Mapping | None
    changes: Mapping[str, Mapping]
    asked: bool

    def recorded(self, kind: str) -> set[str]:
        """The paths that dvc.lock has under `deps` or `outs`."""
        return {entry["path"] for entry in self.record.get(kind, ())}


def read_stages(
    status: Mapping[str, list], params: Mapping, files: Iterable[Path] = FILES
) -> dict[str, Stage]:
    """The stages by name, in the order of the pipeline.

    status: as `dvc status --json` gives it; params: params.yaml as a tree, for the templates.
    """
    stages = {}
    for file in filter(Path.is_file, files):
        lock = file.with_name("dvc.lock")
        records = read_yaml(lock).get("stages", {}) if lock.is_file() else {}
        asked = file == Path("dvc.yaml")
        for name, entry in read_yaml(file)["stages"].items():
            address = name if asked else f"{file.as_posix()}:{name}"
            deps = {fill(dep, params): TEMPLATE.findall(dep) for dep in entry.get("deps", ())}
            changes = merge(status.get(address, ()))
            record = records.get(name)
            stages[name] = Stage(
                name, entry["cmd"], deps, written_by(entry), record, changes, asked
            )
    return stages


def read_yaml(path: Path) -> dict:
    """A YAML file as a tree."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def written_by(entry: Mapping) -> list[str]:
    """All paths that a stage of dvc.yaml writes."""
    outs = [out for kind in ("outs", "metrics", "plots") for out in entry.get(kind, ())]
    return [next(iter(out)) if isinstance(out, dict) else out for out in outs]


def merge(entries: Iterable) -> dict[str, dict]:
    """What the status says of a stage, a list of words and mappings, as one mapping."""
    merged = {}
    for entry in entries:
        merged |= entry if isinstance(entry, dict) else {entry: {}}
    return merged


def read_logs(folder: Path) -> dict[str, dict]:
    """What each stage took last time, by its name: `seconds` and `items`."""
    found = {}
    for path in folder.glob("*.json"):
        try:
            found[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:  # a stage that was killed may leave half of it
            continue
    return found


def explain(stages: Mapping[str, Stage], params: Mapping, logs: Mapping[str, dict]) -> list[str]:
    """Lines on all stages that are stale by themselves, and on those that may follow.

    logs: as `read_logs` gives them. Stages that `dvc repro` passes over are left out.
    """
    above = upstream(stages)
    run = on_repro(stages, above)
    stale = {name: why for name in run if (why := reasons(stages[name], stages, params))}
    if not stale:
        return ["nothing: all stages are up to date"]
    lines = [line for name, why in stale.items() for line in block(stages[name], why, logs)]
    return lines + followers(stale, above, logs)


def explain_stage(
    name: str, stages: Mapping[str, Stage], params: Mapping, logs: Mapping[str, dict]
) -> list[str]:
    """Lines on one stage, stale by itself or through others, and on those that may follow it."""
    above = upstream(stages)
    stale = {other: why for other in stages if (why := reasons(stages[other], stages, params))}
    through = {other: why for other, why in stale.items() if other in above[name]}
    own = stale.get(name, [])
    if not own and not through:
        return [f"nothing: {name} is up to date"]
    are = "which is" if len(through) == 1 else "which are"
    why = own + ([f"may follow {', '.join(through)}, {are} stale"] if through else [])
    told = {name: why} | ({} if own else through)
    lines = [line for one, why in told.items() for line in block(stages[one], why, logs)]
    if name not in on_repro(stages, above):
        lines.append(f"dvc repro passes {name} over: no stage of dvc.yaml reads what it writes")
    return lines + followers([name], above, logs)


def on_repro(stages: Mapping[str, Stage], above: Mapping[str, set[str]]) -> list[str]:
    """The stages that a plain `dvc repro` looks at: those of dvc.yaml, and what they need."""
    asked = [name for name, stage in stages.items() if stage.asked]
    needed = set(asked).union(*(above[name] for name in asked))
    return [name for name in stages if name in needed]


def block(stage: Stage, why: list[str], logs: Mapping[str, dict]) -> list[str]:
    """The lines of a stale stage: a single reason beside its name, several below it."""
    last = ""
    if stage.name in logs and stage.record is not None:
        log = logs[stage.name]
        last = f"; last time {in_seconds(log)} for {log['items']:,} items"
    if len(why) == 1:
        return [f"{stage.name}: {why[0]}{last}"]
    return [f"{stage.name}: {len(why)} reasons{last}", *(f"  {reason}" for reason in why)]


def followers(
    stale: Collection[str], above: Mapping[str, set[str]], logs: Mapping[str, dict]
) -> list[str]:
    """A line on the stages downstream of stale ones, if there are any."""
    after = [name for name, others in above.items() if name not in stale and others & {*stale}]
    named = [f"{name} ({in_seconds(logs[name])})" if name in logs else name for name in after]
    return [f"may follow, if what they read comes out changed: {', '.join(named)}"] if named else []


def in_seconds(log: Mapping) -> str:
    """The time of a stage's last run."""
    seconds = log["seconds"]
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:.1f} s"


def upstream(stages: Mapping[str, Stage]) -> dict[str, set[str]]:
    """The names of all stages upstream of each, near and far."""
    direct = {
        name: {maker for dep in stage.deps for maker in makers(dep, stages)}
        for name, stage in stages.items()
    }

    def collect(name: str) -> set[str]:
        return direct[name].union(*map(collect, direct[name]))

    return {name: collect(name) for name in stages}


def makers(path: str, stages: Mapping[str, Stage]) -> list[str]:
    """The stages that write a path, what it lies in, or what lies in it."""
    return [stage.name for stage in stages.values() if meets(path, stage.outs)]


def meets(path: str, others: Iterable[str]) -> bool:
    """Whether a path is one of the others, lies in one, or has one in it."""
    return any(
        f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/") for other in others
    )


def reasons(stage: Stage, stages: Mapping[str, Stage], params: Mapping) -> list[str]:
    """What made a stage stale by itself.

    An input that a stage upstream will make anew is none: it may come out as it was.
    """
    if stage.record is None:
        return ["never built"]
    words = [word for word in stage.changes if word not in (DEPS, OUTS)]
    values = tracked_values(stage, params)
    if COMMAND in words and (filled_in := command_values(stage, params)):
        words.remove(COMMAND)
        values |= filled_in
    return [
        *(f"{name} {change} (params.yaml)" for name, change in values.items()),
        *(PLAIN.get(word, word) for word in words),
        *changed_inputs(stage, stages, values),
        *changed_outputs(stage),
    ]


def tracked_values(stage: Stage, params: Mapping) -> dict[str, str]:
    """How each parameter changed that the stage tracks."""
    changes = {}
    for file, names in stage.changes.get(DEPS, {}).items():
        old = stage.record.get("params", {}).get(file, {})
        for name, how in names.items() if isinstance(names, dict) else ():
            changes[name] = value_change(how, old.get(name), value_of(params, name))
    return changes


def command_values(stage: Stage, params: Mapping) -> dict[str, str]:
    """How each parameter changed that stands in the command; none if its own words changed."""
    words, names = TEMPLATE.split(stage.command)[::2], TEMPLATE.findall(stage.command)
    found = re.fullmatch("(.*)".join(map(re.escape, words)), stage.record["cmd"], re.DOTALL)
    old = dict(zip(names, found.groups() if found else (), strict=False))
    new = {name: str(value_of(params, name)) for name in old}
    return {name: value_change("", old[name], new[name]) for name in old if old[name] != new[name]}


def value_change(how: str, old: object, new: object) -> str:
    """How a value changed, after DVC's word for it."""
    if how == "new":
        return f"is new: {in_yaml(new)}"
    if how == "deleted":
        return f"is gone: it was {in_yaml(old)}"
    return f"{in_yaml(old)} -> {in_yaml(new)}"


def in_yaml(value: object) -> str:
    """A value as params.yaml would have it, on one line."""
    options = {"default_flow_style": True, "width": math.inf, "allow_unicode": True}
    return yaml.safe_dump(value, sort_keys=False, **options).removesuffix("...\n").strip()


def value_of(params: Mapping, name: str) -> object:
    """The value of a parameter by its dotted name; None if there is none."""
    for key in name.split("."):
        params = params.get(key) if isinstance(params, dict) else None
    return params


def fill(template: str, params: Mapping) -> str:
    """A text of dvc.yaml with the values of the parameters that it names."""
    return TEMPLATE.sub(lambda found: str(value_of(params, found[1])), template)


def changed_inputs(stage: Stage, stages: Mapping[str, Stage], values: Collection[str]) -> list[str]:
    """Lines on inputs, code among them, that changed other than by the parameters in `values`."""
    remade = [path for other in stages.values() for path in other.changes.get(OUTS, ())]
    groups: dict[str, list[str]] = {}
    for path, how in stage.changes.get(DEPS, {}).items():
        chosen = how != "deleted" and not set(values).isdisjoint(stage.deps.get(path, ()))
        if not (isinstance(how, dict) or chosen or meets(path, remade)):
            word = input_word(path, how, stage, makers(path, stages))
            groups.setdefault(word, []).append(path)
    return [f"{', '.join(paths)} {word}" for word, paths in groups.items()]


def input_word(path: str, how: str, stage: Stage, made_by: list[str]) -> str:
    """What happened to an input."""
    if how == "deleted":
        return "missing"
    if path not in stage.recorded("deps"):
        return "new among its inputs"
    if made_by:
        return f"changed: {', '.join(made_by)} ran since"
    return "edited" if path.startswith(("facexpr/", "stages/")) else "changed"


def changed_outputs(stage: Stage) -> list[str]:
    """Lines on outputs that are not as the stage left them."""
    groups: dict[str, list[str]] = {}
    for path, how in stage.changes.get(OUTS, {}).items():
        word = {"deleted": "missing", "not in cache": "missing from DVC's cache"}.get(how)
        if word is None:
            known = path in stage.recorded("outs")
            word = "changed outside the pipeline" if known else "new among its outputs"
        groups.setdefault(word, []).append(path)
    return [f"{', '.join(paths)} {word}" for word, paths in groups.items()]
