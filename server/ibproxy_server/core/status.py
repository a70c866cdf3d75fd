"""A picture of the running proxy for people and programs; its shape is described in docs/."""

from __future__ import annotations

from typing import Any

from ibproxy_server.core.hub import Hub
from ibproxy_server.core.session import Session


def status(hub: Hub, now_s: float) -> dict[str, Any]:
    """Return what the proxy is doing, as plain values.

    Args:
        hub: the hub.
        now_s: the time, on the same clock as its events.
    """
    upstream, context = hub.upstream, hub.context
    return {
        "upstream": {
            "gateway": upstream.address,
            "state": upstream.stage.value,
            "client_id": upstream.client_id,
            "server_version": upstream.server_version,
            "accounts": list(upstream.accounts),
            "messages_sent": context.pacer.sent,
            "messages_received": hub.gateway.messages_received,
            "market_data_lines": hub.requests.market_data_lines,
            "open_requests": hub.requests.open_requests,
            "open_history": hub.requests.open_history,
            "note": upstream.note,
        },
        "sessions": [_session(hub, session, now_s) for session in context.sessions.values()],
        "account_slot": {
            "account": hub.accounts.updates.slot.current,
            "ages_s": {
                account: round(age_s, 3) for account, age_s in hub.accounts.ages_s(now_s).items()
            },
        },
        "counters": {
            name: context.counters[name]
            for name in (
                "unknown_messages",
                "unreadable_messages",
                "late_messages",
                "timeouts",
                "retries",
                "refusals",
            )
        },
    }


def _session(hub: Hub, session: Session, now_s: float) -> dict[str, Any]:
    orders = [each for each in hub.orders.book.of_owner(session.owner) if not each.is_what_if]
    since_s = session.away_since_s
    return {
        "session": session.number,
        "strategy": session.strategy,
        "client_id": session.client_id,
        "program": session.program,
        "pid": session.pid,
        "state": session.phase.name.lower(),
        "server_version": session.version,
        "accounts": list(session.view.accounts),
        "connected_s": round(now_s - session.connected_at_s, 3),
        "away_s": round(now_s - (now_s if since_s is None else since_s), 3),
        "subscriptions": sorted(
            {each.subject for each in session.requests.values() if each.is_stream}
            | set(hub.accounts.subscriptions(session))
        ),
        "orders": len(orders),
        "open_orders": sum(each.is_open for each in orders),
        "fills": sum(each.fills for each in orders),
        "messages_in": session.messages_in,
        "bytes_out": session.bytes_out,
        "conflated_ticks": session.conflated_ticks,
        "waiting_requests": hub.context.pacer.waiting(session.number)
        + hub.requests.waiting(session),
    }
