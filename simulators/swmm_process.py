"""EPA SWMM in a process of its own (``python -m simulators.swmm_process``): one model, requests on stdin, answers on stdout.

It holds the GIL while stepping and can run one model per process, so it never shares one with the Modbus servers. It ends when
its stdin ends, that is, with its parent.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec
from swmm.toolkit import solver
from swmm.toolkit.shared_enum import (
    HotstartFile,
    LinkProperty,
    LinkResult,
    NodeProperty,
    NodeResult,
    ObjectType,
)

from simulators.swmm_messages import Answer, Failed, Open, Opened, Request, State, Step, Totals

DEPTH, FLOOD, FLOW = NodeResult.DEPTH.value, NodeResult.FLOOD.value, LinkResult.FLOW.value
FLOW_LIMIT = LinkProperty.FLOW_LIMIT.value
INCH = 25.4
SHOWN = 3


class Model:
    """One running SWMM model, in SI units whatever its file says."""

    def __init__(self, wish: Open) -> None:
        folder = Path(wish.folder)
        self._report = folder / "swmm.rpt"
        self._metres, self._cumecs = wish.length, wish.flow
        self._mm = 1.0 if wish.length == 1.0 else INCH
        solver.swmm_open(wish.inp, str(self._report), str(folder / "swmm.out"))
        if wish.hotstart:
            solver.swmm_hotstart(HotstartFile.USE.value, wish.hotstart)
        solver.swmm_start(0)
        self.nodes, self.links = _ids(ObjectType.NODE), _ids(ObjectType.LINK)
        self._inflow_nodes = [self.nodes.index(node) for node in wish.inflow_nodes]

    def opened(self) -> Opened:
        """What there is."""
        depths = [solver.node_get_parameter(i, NodeProperty.FULL_DEPTH.value) * self._metres for i in range(len(self.nodes))]
        return Opened(self.nodes, self.links, _ids(ObjectType.GAGE), tuple(depths), str(solver.swmm_version_info()))

    def step(self, wish: Step) -> State:
        """Apply and move on."""
        for gage, rate in wish.rain:
            solver.raingage_set_precipitation(gage, rate / self._mm)
        for link, setting in wish.pumps:
            solver.link_set_target_setting(link, setting)
        for link, limit in wish.limits:
            solver.link_set_parameter(link, FLOW_LIMIT, limit / self._cumecs)
        for node, stage in wish.stages:
            solver.outfall_set_stage(node, stage / self._metres)
        if wish.inflow >= 0 and self._inflow_nodes:
            for node in self._inflow_nodes:
                solver.node_set_total_inflow(node, wish.inflow / self._cumecs)
        solver.swmm_stride(wish.seconds)
        if wish.save:
            solver.swmm_hotstart(HotstartFile.SAVE.value, wish.save)
        return self._state()

    def _state(self) -> State:
        nodes, links = range(len(self.nodes)), range(len(self.links))
        result, metres, cumecs = solver.node_get_result, self._metres, self._cumecs
        return State(
            tuple(result(i, DEPTH) * metres for i in nodes),
            tuple(result(i, FLOOD) * cumecs for i in nodes),
            tuple(solver.link_get_result(i, FLOW) * cumecs for i in links),
        )

    def totals(self) -> Totals:
        """The routing balance so far."""
        t = solver.system_get_routing_totals()
        cubic = self._metres**3
        inflow = t.dwInflow + t.wwInflow + t.gwInflow + t.iiInflow + t.exInflow
        return Totals(inflow * cubic, t.outflow * cubic, t.flooding * cubic, t.pctError)


def _ids(kind: ObjectType) -> tuple[str, ...]:
    return tuple(solver.project_get_id(kind.value, i) for i in range(solver.project_get_count(kind.value)))


def _reason(error: Exception, folder: str) -> str:
    """SWMM's own words: the first ERROR lines of its report (without line numbers, which are those of the rewritten file), or the
    text of the exception.
    """
    with contextlib.suppress(Exception):  # closing writes the report out; it may itself refuse
        solver.swmm_close()
    report = Path(folder) / "swmm.rpt"
    lines = report.read_text("utf-8", "replace").splitlines() if folder and report.exists() else []
    said = [re.sub(r" at line \d+ of", " in", " ".join(line.split())) for line in lines if re.match(r"\s*ERROR \d", line)]
    said = list(dict.fromkeys(line.rstrip(":") for line in said))
    more = [f"and {len(said) - SHOWN} more"] if len(said) > SHOWN else []
    return "; ".join(said[:SHOWN] + more) or " ".join(str(error).split()) or type(error).__name__


class Conversation:
    """Requests in, answers out, one model."""

    def __init__(self) -> None:
        self._model: Model | None = None
        self._folder = ""

    def answer(self, request: Request) -> Answer:
        """Carry out one request; SWMM's refusals are answers."""
        try:
            return self._carry_out(request)
        except Exception as error:  # noqa: BLE001 the toolkit raises bare Exception for every SWMM error
            return Failed(_reason(error, self._folder))

    def _carry_out(self, request: Request) -> Answer:
        if isinstance(request, Open):
            self._folder = request.folder
            self._model = Model(request)
            return self._model.opened()
        if self._model is None:
            return Failed("no model is open")
        return self._model.step(request) if isinstance(request, Step) else self._model.totals()


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer until the other end is gone."""
    decoder = msgspec.msgpack.Decoder(Request)
    encoder = msgspec.msgpack.Encoder()
    conversation = Conversation()
    while len(head := source.read(4)) == 4:
        answer = encoder.encode(conversation.answer(decoder.decode(source.read(int.from_bytes(head, "big")))))
        sink.write(len(answer).to_bytes(4, "big") + answer)
        sink.flush()


def main() -> None:
    """Own stdin and stdout; whatever SWMM prints goes to stderr. Ctrl-C is the parent's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    serve(sys.stdin.buffer, sink)
    os._exit(0)  # SWMM's own end would write a report nobody reads


if __name__ == "__main__":
    main()
