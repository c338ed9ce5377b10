# SPDX-License-Identifier: ISC
"""Explain each bar that is not met, by figures of the same run: the lines at
the end of RESULTS.md."""
from floors import (ALL, INPUTS, SERVER_NAME, STATIC_SERVER_NAME,
                    tool_name)
from measures import bar_of, title_of
from subject import STATIC_NAME


class Missed:
    """A bar that is not met. A figure that was not measured is None."""

    def __init__(self, table, key, name):
        self.table, self.name = table, name
        self.row, self.mappings = key
        self.mine, self.peer = table.value(*key, name), table.peer(*key)
        self.factor = bar_of(*key, name)

    def of(self, name, row=None, mappings=None):
        """The value of another subject, in this row or another one."""
        return self.table.value(
            row or self.row,
            self.mappings if mappings is None else mappings, name)


# ---- lines about a row, for all subjects ----------------------------------

def of_rate(one):
    """The rate of a server that parses nothing, and the rate that the load
    program can reach."""
    floor, asking = one.of(SERVER_NAME), one.of(SERVER_NAME, "load_" + one.row)
    if not floor or not one.peer:
        return
    asked = one.factor * one.peer
    yield (f"the bar is {asked:,.0f} /s: {asked / floor:.1f} times the "
           f"{floor:,.0f} /s of a server that parses nothing")
    if asking:
        yield (f"the load program is one process that needs {asking:.3f} s of "
               f"CPU for 1,000 requests: the bar is "
               f"{asked * asking / 1000:.1f} times the rate that it can reach "
               "with any server")


def of_pinholes(one):
    """The rate of a server that parses nothing and changes nothing."""
    floor = one.of(SERVER_NAME, "getip1", 0)
    if floor and one.peer:
        asked = one.factor * one.peer
        yield (f"the bar is {asked:,.0f} /s: {asked / floor:.1f} times the "
               f"{floor:,.0f} /s of a server that parses nothing and changes "
               "no rule")


def of_memory(one):
    """The memory of two processes that do nothing."""
    floor = one.of(SERVER_NAME, mappings=0)
    static = one.of(STATIC_SERVER_NAME, mappings=0)
    if not floor or not static or not one.peer:
        return
    asked = one.peer / one.factor
    yield (f"the bar is {asked:,.0f} KiB; two processes that do nothing "
           f"use {floor:,.0f} KiB with the shared libc, {static:,.0f} KiB as "
           "a static build"
           + (", so no program with the shared libc can meet it"
              if floor > asked else ""))


def of_cpu(one):
    if one.peer:
        yield f"the bar is {one.peer / one.factor:.3f} s"


# ---- lines about a subject in that row -------------------------------------

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
    """The CPU time of the tool alone for the same change."""
    alone = {title: one.of(tool_name(one.name, title)) for title, _ in INPUTS}
    if not one.peer or not all(alone.values()):
        return ""
    asked = one.peer / one.factor
    more = next((title for title, s in alone.items() if s > asked), None)
    return ("the tool alone needs "
            + ", ".join(f"{s:.3f} s for {title}" for title, s in alone.items())
            + f", which is {100 * alone[ALL] / one.mine:.0f} % of upnpd's"
            + (f"; {more} alone is more than the bar" if more else ""))


def pinholes_of(one):
    floor = one.of(SERVER_NAME, "getip1", 0)
    return f"{100 * one.mine / floor:.0f} % of that server" if floor else ""


# row -> the functions for its lines: about the row, about a subject
LIMITS = {
    "getip8": (of_rate, rate_of),
    "getip200": (of_rate, rate_of),
    "idle200": (of_rate, rate_of),
    "add6": (of_pinholes, pinholes_of),
    "memory": (of_memory, memory_of),
    "cpu_add": (of_cpu, cpu_of),
    "cpu_delete": (of_cpu, cpu_of),
}


def lines_of(table):
    """The lines about each bar that is not met, by row."""
    at = None
    for key, name, asked in table.missed:
        of_row, of_subject = LIMITS.get(key[0], (None, None))
        one = Missed(table, key, name)
        if key != at:
            at = key
            yield "; ".join([f"- {title_of(*key)}",
                             *(of_row(one) if of_row else ())])
        own = of_subject(one) if of_subject and one.mine else ""
        yield f"  - {name}: {asked}: not met" + (f": {own}" if own else "")
