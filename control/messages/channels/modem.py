"""A GSM modem on a serial port 短信猫: SMS without the internet, in PDU mode so that Chinese goes through.

3GPP TS 27.005 (AT+CMGS and the numbers of +CMS ERROR in 3.2.5), TS 27.007 (AT+CPIN, AT+CREG, +CME ERROR), TS 24.011 annex E (the
network's causes below 128). The modem is set up anew for every letter: it may have been pulled, restarted or used by someone else
since. The SIM must ask for no PIN: three wrong ones would lock it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
from collections.abc import Sequence
from types import SimpleNamespace

import serial

from control.messages.channels.at import CTRL_Z, Dialogue, Refused
from control.messages.channels.pdu import Pdu, submit
from control.messages.channels.texts import whole_text
from control.messages.port import Letter, Limits, Outcome, Receipt

_BROKEN_CMS = {8, 10, 28, 29, 30, 50, 69, 302, 303, 310, 311, 312, 313, 315, 316, 317, 318, 330}
"""Barred, not subscribed, unknown SIM, wrong service centre: a person must act."""
_DEAD_CMS = {1, 21, 304, 305}
"""No such number, refused by the other side, or a unit the modem does not take."""
_NETWORK_TIMEOUT = 332  # the network did not confirm: it may have taken it
_BROKEN_CME = {10, 11, 12, 13, 15}  # SIM missing, locked, failed or wrong
_REGISTERED = {"1", "5", "6", "7"}  # at home, roaming; for SMS only, at home and roaming


class SimTrouble(Exception):
    """The SIM or the network will not serve; the Receipt says why."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__(receipt.reason)
        self.receipt = receipt


class Modem:
    """The modem at ``path``."""

    kind = "modem"

    def __init__(self, name: str, limits: Limits, *, path: str, baud: int, timeout_s: float) -> None:
        self.name, self.limits = name, limits
        self._path, self._baud, self._timeout_s = path, baud, timeout_s
        self._busy = asyncio.Lock()

    async def send(self, letter: Letter) -> Receipt:
        reference = hashlib.sha256(letter.id.encode()).digest()[0]
        try:
            pdus = submit(letter.address, whole_text(letter, self.limits), reference)
        except ValueError as error:
            return Receipt(outcome=Outcome.DEAD, code="number", reason=f"号码或内容无效 refused here: {error}")
        progress = SimpleNamespace(handed=False)
        try:
            async with asyncio.timeout(self._timeout_s), self._busy:
                return await self._deliver(pdus, progress)
        except TimeoutError:
            return _silent(handed=progress.handed)
        except OSError as error:  # also pyserial's own
            return _port_trouble(error, handed=progress.handed)

    async def close(self) -> None:
        """The port is open only while a letter goes out."""

    async def _deliver(self, pdus: Sequence[Pdu], progress: SimpleNamespace) -> Receipt:
        dialogue = Dialogue(serial.Serial(self._path, self._baud, timeout=0, write_timeout=1, exclusive=True))
        try:
            await _prepare(dialogue)
            marks = [await _hand_over(dialogue, pdu, progress) for pdu in pdus]
        except SimTrouble as trouble:
            return trouble.receipt
        except Refused as refused:
            return _refusal(refused)
        finally:
            dialogue.close()
        return Receipt(outcome=Outcome.SENT, code="OK", provider_id=",".join(marks))


async def _prepare(dialogue: Dialogue) -> None:
    """A modem that answers, with a SIM, in PDU mode, on a network."""
    await dialogue.wake()
    await dialogue.order("ATE0")
    with contextlib.suppress(Refused):  # a modem without numbers for its errors still sends
        await dialogue.order("AT+CMEE=1")
    try:
        sim = await dialogue.query("AT+CPIN?", "+CPIN:")
    except Refused as refused:
        raise SimTrouble(_refusal(refused, plain=Outcome.BROKEN)) from None
    if sim != "READY":
        wanted = f"SIM卡不可用 the SIM is not ready: {sim[:20]}; its PIN must be off"
        raise SimTrouble(Receipt(outcome=Outcome.BROKEN, code="SIM", reason=wanted))
    await dialogue.order("AT+CMGF=0")
    states = [await _registration(dialogue, network) for network in ("CREG", "CEREG")]
    if _REGISTERED.intersection(states):
        return
    if "3" in states:
        raise SimTrouble(Receipt(outcome=Outcome.BROKEN, code="CREG 3", reason="网络拒绝此SIM卡 the network refuses this SIM"))
    raise SimTrouble(Receipt(outcome=Outcome.RETRY, code="CREG", reason="没有信号 not on a network"))


async def _registration(dialogue: Dialogue, network: str) -> str:
    """Of the 2G/3G or the 4G network, "" where the modem knows no such network."""
    try:
        value = await dialogue.query(f"AT+{network}?", f"+{network}:")
    except Refused:
        return ""
    return value.partition(",")[2].partition(",")[0].strip()


async def _hand_over(dialogue: Dialogue, pdu: Pdu, progress: SimpleNamespace) -> str:
    """The network's reference of the part."""
    await dialogue.prompt(f"AT+CMGS={pdu.length}")
    progress.handed = True
    dialogue.write(pdu.text.encode("ascii") + CTRL_Z)
    return await dialogue.value("+CMGS:")


def _refusal(refused: Refused, plain: Outcome = Outcome.RETRY) -> Receipt:
    code = f"{refused.kind} {refused.number}" if refused.kind else "ERROR"
    dead, broken = refused.kind == "CMS" and refused.number in _DEAD_CMS, _is_broken(refused)
    if refused.kind == "CMS" and refused.number == _NETWORK_TIMEOUT:
        return Receipt(outcome=Outcome.UNKNOWN, code=code, reason="网络未确认 the network did not confirm")
    outcome = Outcome.DEAD if dead else Outcome.BROKEN if broken else Outcome.RETRY if refused.kind else plain
    return Receipt(outcome=outcome, code=code, reason=f"短信猫拒绝 the modem refused ({code})")


def _is_broken(refused: Refused) -> bool:
    return refused.number in {"CMS": _BROKEN_CMS, "CME": _BROKEN_CME}.get(refused.kind, set())


def _silent(*, handed: bool) -> Receipt:
    if handed:
        return Receipt(
            outcome=Outcome.UNKNOWN, code="timeout", reason="已交给短信猫, 未答 handed to the modem, no answer in time"
        )
    return Receipt(outcome=Outcome.RETRY, code="timeout", reason="短信猫没有回答 the modem does not answer")


def _port_trouble(error: OSError, *, handed: bool) -> Receipt:
    if handed:
        return Receipt(outcome=Outcome.UNKNOWN, code="port", reason="已交给短信猫, 端口断开 handed to the modem, port lost")
    outcome = Outcome.BROKEN if error.errno in (errno.ENOENT, errno.EACCES) else Outcome.RETRY
    return Receipt(outcome=outcome, code="port", reason="串口打不开 the serial port can not be opened")
