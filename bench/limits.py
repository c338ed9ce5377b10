# SPDX-License-Identifier: ISC
"""What stands in the way of a bar that is not met, in figures of the same run:
the lines at the end of RESULTS.md."""
from floors import (ALL, INPUTS, SERVER_NAME, STATIC_SERVER_NAME,
                    tool_name)
from measures import ROWS, bar_of
from subject import STATIC_NAME


class Missed:
    """A bar that is not met. Its figures are None where there are none."""

    def __init__(self, table, key, name):
        self.table, self.name = table, name
        self.row, self.mappings = key
        self.mine, self.peer = table.value(*key, name), table.peer(*key)
        self.factor = bar_of(*key, name)

    def of(self, name, row=None, mappings=None):
        """What another subject has, in this row or another one."""
        return self.table.value(
            row or self.row,
            self.mappings if mappings is None else mappings, name)


# ---- of a row: what holds for all subjects -------------------------------

def of_rate(one):
    """What a server has that does nothing but accept and answer; and what the
    load program can ask for at all."""
    floor, asking = one.of(SERVER_NAME), one.of(SERVER_NAME, "load_" + one.row)
    if not floor or not one.peer:
        return
    asked = one.factor * one.peer
    yield (f"the bar is {asked:,.0f} /s: {asked / floor:.1f} times the "
           f"{floor:,.0f} /s of a server that parses nothing")
    if asking:
        yield (f"the load program is one process that takes {asking:.3f} s of "
               f"a processor for 1,000: the bar is "
               f"{asked * asking / 1000:.1f} times what it can ask of any "
               "server")


def of_memory(one):
    """What two processes have that do nothing."""
    floor = one.of(SERVER_NAME, mappings=0)
    static = one.of(STATIC_SERVER_NAME, mappings=0)
    if not floor or not static or not one.peer:
        return
    asked = one.peer / one.factor
    yield (f"the bar is {asked:,.0f} KiB; two processes that do nothing "
           f"have {floor:,.0f} KiB by the shared libc, {static:,.0f} KiB as a "
           "static build"
           + (", so no program by the shared libc reaches it"
              if floor > asked else ""))


def of_cpu(one):
    if one.peer:
        yield f"the bar is {one.peer / one.factor:.3f} s"


# ---- of a subject in it --------------------------------------------------

def rate_of(one):
    floor = one.of(SERVER_NAME)
    return f"{100 * one.mine / floor:.0f} % of that server" if floor else ""


def memory_of(one):
    floor = one.of(STATIC_SERVER_NAME if one.name == STATIC_NAME
                   else SERVER_NAME, mappings=0)
    each = one.of(one.name, "per_mapping", 1000)
    if not floor:
        return ""
    text = f"{one.mine - floor:,.0f} KiB more than such processes"
    if one.mappings and each:
        text += f", {each * one.mappings / 1024:,.0f} of them for the mappings"
    return text


def cpu_of(one):
    """What the tool takes, by itself, for the same change."""
    alone = {title: one.of(tool_name(one.name, title)) for title, _ in INPUTS}
    if not one.peer or not all(alone.values()):
        return ""
    asked = one.peer / one.factor
    more = next((title for title, s in alone.items() if s > asked), None)
    return ("the tool by itself takes "
            + ", ".join(f"{s:.3f} s for {title}" for title, s in alone.items())
            + f", which is {100 * alone[ALL] / one.mine:.0f} % of ours"
            + (f"; {more} alone is more than the bar" if more else ""))


# row -> what is said of it, and of each subject
LIMITS = {
    "getip8": (of_rate, rate_of),
    "getip200": (of_rate, rate_of),
    "idle200": (of_rate, rate_of),
    "memory": (of_memory, memory_of),
    "cpu_add": (of_cpu, cpu_of),
    "cpu_delete": (of_cpu, cpu_of),
}


def lines_of(table):
    """Each bar that is not met, by row."""
    at = None
    for key, name, asked in table.missed:
        of_row, of_subject = LIMITS.get(key[0], (None, None))
        one = Missed(table, key, name)
        if key != at:
            at = key
            row, mappings = key
            yield "; ".join([f"- {ROWS[row].title}, {mappings:,} mappings",
                             *(of_row(one) if of_row else ())])
        own = of_subject(one) if of_subject and one.mine else ""
        yield f"  - {name}: {asked}: not met" + (f": {own}" if own else "")
