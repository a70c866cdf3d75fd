"""The message table: one row for every message of TWS's text protocol, versions 157 to 178.

A row says where in the message the ids stand and how the message is carried; the code that
carries it asks the table and has no ladder of message ids. Indexes count the fields of a
payload from 0, the message id; negative ones count from the end.

Positions were measured on ibapi 10.50 and ib_async 2.1 [api ibapi/{client,decoder}.py,
ib_async/{client,decoder}.py]; where a row rests on more than that, `sources.py` says on what.
"""

from __future__ import annotations

from ibproxy.wire.rows import AfterLoss, Answer, Carry, Deliver, Request, Reuse

__all__ = [
    "ANSWERS",
    "FIRST_VERSION",
    "LAST_VERSION",
    "REQUESTS",
    "START_API",
    "AfterLoss",
    "Answer",
    "Carry",
    "Deliver",
    "Request",
    "Reuse",
    "answers_by_id",
    "requests_by_id",
]

FIRST_VERSION, LAST_VERSION = 157, 178
"""Server versions whose layouts this table describes."""

START_API = b"71"
"""A client's first message behind the handshake (fact 1.8)."""


def _cancel(
    msg_id: int,
    name: str,
    cancels: int,
    id_at: int,
    unknown: tuple[int, str] | None = None,
    reply: tuple[int, str] | None = None,
    version: int = 1,
) -> Request:
    return Request(
        msg_id,
        name,
        Carry.CANCEL,
        id_at,
        cancels=cancels,
        version=version,
        unknown=unknown,
        reply=reply,
    )


_NO_TICKER = (300, "Can't find EId with tickerId:{id}")  # fact 4.9
_HISTORY_CANCELLED = (  # fact 5.11
    162,
    "Historical Market Data Service error message:API historical data query cancelled: {id}",
)
_SCAN_CANCELLED = (  # as with history (fact 5.11) [assumed]
    162,
    "Historical Market Data Service error message:API scanner subscription cancelled: {id}",
)
_ONE_SHOT, _SHARED, _OWN = Carry.ONE_SHOT, Carry.SHARED, Carry.OWN
_ORDER, _ACCOUNT, _SERIAL = Carry.ORDER, Carry.ACCOUNT, Carry.SERIAL
_SESSION, _REFUSED = Carry.SESSION, Carry.REFUSED

_TICKS = (58, 81, 1, 2, 45, 46, 47, 21, 84, 56, 91)

REQUESTS: tuple[Request, ...] = (
    # market data; the flag is "snapshot", which 57 ends
    Request(
        1,
        "reqMktData",
        _SHARED,
        2,
        answers=(*_TICKS, 57),
        ends=(57,),
        cancelled_by=2,
        flag_at=-3,
        subject_at=4,
    ),
    _cancel(2, "cancelMktData", 1, 2, _NO_TICKER, version=2),
    # orders
    Request(
        3,
        "placeOrder",
        _ORDER,
        1,
        account_at=23,
        parent_at=28,
        answers=(5, 3, 11, 59),
        orders=True,
    ),
    Request(4, "cancelOrder", _ORDER, 2, answers=(3,), orders=True),
    Request(
        5,
        "reqOpenOrders",
        _ORDER,
        answers=(5, 3, 53),
        ends=(53,),
        if_cut_off=AfterLoss.RESUME,
    ),
    Request(6, "reqAccountUpdates", _ACCOUNT, account_at=3, answers=(6, 7, 8, 54)),
    Request(
        7,
        "reqExecutions",
        _ORDER,
        2,
        account_at=4,
        client_at=3,
        has_default_account=True,
        answers=(11, 59, 55),
        ends=(55,),
        if_cut_off=AfterLoss.REPEAT,
    ),
    Request(8, "reqIds", _SESSION, answers=(9,), ends=(9,)),
    Request(
        9,
        "reqContractDetails",
        _ONE_SHOT,
        2,
        answers=(10, 18, 52),
        ends=(52,),
        subject_at=4,
        static=True,
    ),
    Request(10, "reqMktDepth", _SHARED, 2, answers=(12, 13, 92), cancelled_by=11, subject_at=4),
    _cancel(
        11,
        "cancelMktDepth",
        10,
        2,
        (310, "Can't find the subscribed market depth with tickerId:{id}"),
    ),
    Request(12, "reqNewsBulletins", _ACCOUNT, answers=(14,), cancelled_by=13),
    Request(13, "cancelNewsBulletins", _ACCOUNT, cancels=12),
    Request(14, "setServerLogLevel", _SESSION),  # global to the gateway (fact 8.19)
    Request(15, "reqAutoOpenOrders", _SESSION),
    Request(
        16,
        "reqAllOpenOrders",
        _ORDER,
        answers=(5, 3, 53),
        ends=(53,),
        if_cut_off=AfterLoss.RESUME,
    ),
    Request(17, "reqManagedAccts", _SESSION, answers=(15,), ends=(15,)),
    Request(18, "requestFA", _SERIAL, answers=(16,), ends=(16,), key_at=2, names_accounts=True),
    Request(19, "replaceFA", _REFUSED, 4),  # affects everyone (fact 8.16)
    # history; the flag is "keepUpToDate": a live tail behind the answer
    Request(
        20,
        "reqHistoricalData",
        _ONE_SHOT,
        1,
        answers=(17, 106, 90),
        ends=(17, 106),
        cancelled_by=25,
        flag_at=-2,
        subject_at=3,
    ),
    Request(21, "exerciseOptions", _REFUSED, 2, account_at=16, orders=True),
    Request(22, "reqScannerSubscription", _SHARED, 1, answers=(20,), cancelled_by=23),
    _cancel(
        23,
        "cancelScannerSubscription",
        22,
        2,
        (365, "No scanner subscription found for ticker id:{id}"),
        _SCAN_CANCELLED,
    ),
    Request(24, "reqScannerParameters", _SERIAL, answers=(19,), ends=(19,), static=True),
    _cancel(
        25,
        "cancelHistoricalData",
        20,
        2,
        (366, "No historical data query found for ticker id:{id}"),
        _HISTORY_CANCELLED,
    ),
    Request(49, "reqCurrentTime", _SERIAL, answers=(49,), ends=(49,)),
    Request(50, "reqRealTimeBars", _SHARED, 2, answers=(50,), cancelled_by=51, subject_at=4),
    _cancel(51, "cancelRealTimeBars", 50, 2, _NO_TICKER),
    Request(
        52,
        "reqFundamentalData",
        _ONE_SHOT,
        2,
        answers=(51,),
        ends=(51,),
        cancelled_by=53,
        subject_at=4,
    ),
    _cancel(53, "cancelFundamentalData", 52, 2),
    Request(
        54,
        "calculateImpliedVolatility",
        _ONE_SHOT,
        2,
        answers=(21,),
        ends=(21,),
        cancelled_by=56,
        subject_at=4,
    ),
    Request(
        55,
        "calculateOptionPrice",
        _ONE_SHOT,
        2,
        answers=(21,),
        ends=(21,),
        cancelled_by=57,
        subject_at=4,
    ),
    _cancel(56, "cancelCalculateImpliedVolatility", 54, 2),
    _cancel(57, "cancelCalculateOptionPrice", 55, 2),
    Request(58, "reqGlobalCancel", _ORDER, orders=True),  # becomes single cancels (fact 8.20)
    Request(59, "reqMarketDataType", _SESSION),  # a mode, applied before each request (fact 8.1)
    Request(61, "reqPositions", _ACCOUNT, answers=(61, 62), cancelled_by=64),
    Request(
        62, "reqAccountSummary", _SHARED, 2, answers=(63, 64), cancelled_by=63, reuse=Reuse.REPLACES
    ),
    _cancel(63, "cancelAccountSummary", 62, 2),
    Request(64, "cancelPositions", _ACCOUNT, cancels=61),
    # IB's own, never for clients (fact 8.23)
    Request(65, "verifyRequest", _REFUSED),
    Request(66, "verifyMessage", _REFUSED),
    Request(67, "queryDisplayGroups", _ONE_SHOT, 2, answers=(67,), ends=(67,)),
    Request(68, "subscribeToGroupEvents", _SHARED, 2, answers=(68,), cancelled_by=70),
    Request(69, "updateDisplayGroup", Carry.FOLLOW, 2, cancels=68),
    _cancel(70, "unsubscribeFromGroupEvents", 68, 2),
    Request(71, "startApi", _SESSION),
    Request(72, "verifyAndAuthRequest", _REFUSED),
    Request(73, "verifyAndAuthMessage", _REFUSED),
    Request(
        74,
        "reqPositionsMulti",
        _SHARED,
        2,
        account_at=3,
        has_default_account=True,
        answers=(71, 72),
        cancelled_by=75,
        reuse=Reuse.REPLACES,
    ),
    _cancel(75, "cancelPositionsMulti", 74, 2),
    Request(
        76,
        "reqAccountUpdatesMulti",
        _SHARED,
        2,
        account_at=3,
        has_default_account=True,
        answers=(73, 74),
        cancelled_by=77,
    ),
    _cancel(77, "cancelAccountUpdatesMulti", 76, 2),
    Request(
        78,
        "reqSecDefOptParams",
        _ONE_SHOT,
        1,
        answers=(75, 76),
        ends=(76,),
        subject_at=2,
        static=True,
    ),
    Request(79, "reqSoftDollarTiers", _ONE_SHOT, 1, answers=(77,), ends=(77,)),
    Request(80, "reqFamilyCodes", _SERIAL, answers=(78,), ends=(78,), names_accounts=True),
    Request(81, "reqMatchingSymbols", _ONE_SHOT, 1, answers=(79,), ends=(79,), subject_at=2),
    Request(82, "reqMktDepthExchanges", _SERIAL, answers=(80,), ends=(80,), static=True),
    Request(83, "reqSmartComponents", _ONE_SHOT, 1, answers=(82,), ends=(82,), static=True),
    Request(84, "reqNewsArticle", _ONE_SHOT, 1, answers=(83,), ends=(83,), static=True),
    Request(85, "reqNewsProviders", _SERIAL, answers=(85,), ends=(85,), static=True),
    Request(86, "reqHistoricalNews", _ONE_SHOT, 1, answers=(86, 87), ends=(87,)),
    Request(
        87,
        "reqHeadTimeStamp",
        _ONE_SHOT,
        1,
        answers=(88,),
        ends=(88,),
        cancelled_by=90,
        subject_at=3,
        stays_open=True,
        static=True,
    ),
    Request(
        88,
        "reqHistogramData",
        _ONE_SHOT,
        1,
        answers=(89,),
        ends=(89,),
        cancelled_by=89,
        subject_at=3,
    ),
    _cancel(89, "cancelHistogramData", 88, 1),
    _cancel(90, "cancelHeadTimeStamp", 87, 1),
    Request(91, "reqMarketRule", _SERIAL, answers=(93,), ends=(93,), key_at=1, static=True),
    Request(
        92,
        "reqPnL",
        _SHARED,
        1,
        account_at=2,
        answers=(94,),
        cancelled_by=93,
        reuse=Reuse.REFUSED_AS_102,
        subject_at=2,
    ),
    _cancel(93, "cancelPnL", 92, 1, (10185, "Failed to cancel PNL (not subscribed)")),
    Request(
        94,
        "reqPnLSingle",
        _SHARED,
        1,
        account_at=2,
        answers=(95,),
        cancelled_by=95,
        reuse=Reuse.REFUSED_AS_102,
        subject_at=4,
    ),
    _cancel(95, "cancelPnLSingle", 94, 1, (10186, "Failed to cancel PNL single (not subscribed)")),
    Request(
        96,
        "reqHistoricalTicks",
        _ONE_SHOT,
        1,
        answers=(96, 97, 98),
        ends=(96, 97, 98),
        subject_at=3,
    ),
    Request(
        97, "reqTickByTickData", _SHARED, 1, answers=(99, 96, 97, 98), cancelled_by=98, subject_at=3
    ),
    _cancel(98, "cancelTickByTickData", 97, 1, _NO_TICKER),
    Request(99, "reqCompletedOrders", _SERIAL, answers=(101, 102), ends=(102,), key_at=None),
    Request(100, "reqWshMetaData", _ONE_SHOT, 1, answers=(104,), ends=(104,), cancelled_by=101),
    _cancel(101, "cancelWshMetaData", 100, 1),
    Request(102, "reqWshEventData", _ONE_SHOT, 1, answers=(105,), ends=(105,), cancelled_by=103),
    _cancel(103, "cancelWshEventData", 102, 1),
    Request(104, "reqUserInfo", _ONE_SHOT, 1, answers=(107,), ends=(107,)),
)


def _by_request(
    msg_id: int,
    name: str,
    id_at: int,
    *,
    state_at: tuple[int, ...] | None = None,
    account_at: int | None = None,
    is_tick: bool = False,
    operation_at: int | None = None,
    kept: int = 0,
    end: bool = False,
    continued: bool = False,
    gone_at: tuple[int, ...] = (),
    until: tuple[int, str, int] | None = None,
) -> Answer:
    return Answer(
        msg_id,
        name,
        Deliver.BY_REQUEST,
        id_at,
        account_at,
        state_at=state_at,
        is_tick=is_tick,
        operation_at=operation_at,
        kept=kept,
        end=end,
        continued=continued,
        gone_at=gone_at,
        until=until,
    )


_WITH_VERSION = (164, "id_at", 2)
"""Below 164 a version field stands before the request id [api ibapi/decoder.py]."""


ANSWERS: tuple[Answer, ...] = (
    _by_request(1, "tickPrice", 2, state_at=(3,), is_tick=True),
    _by_request(2, "tickSize", 2, state_at=(3,), is_tick=True),
    Answer(3, "orderStatus", Deliver.ORDERS, 1, client_at=9, perm_at=6, parent_at=7),
    Answer(4, "error", Deliver.ERROR, 2),
    Answer(
        5,
        "openOrder",
        Deliver.ORDERS,
        1,
        20,
        client_at=24,
        perm_at=25,
        parent_at=57,
        until=(177, "parent_at", 58),  # an advisor's profile stands before it
    ),
    Answer(6, "updateAccountValue", Deliver.ACCOUNTS, account_at=5, state_at=(2, 4)),
    Answer(
        7,
        "updatePortfolio",
        Deliver.ACCOUNTS,
        account_at=19,
        state_at=(2,),
        gone_at=(13, 15, 16, 17),
    ),
    Answer(8, "updateAccountTime", Deliver.ACCOUNTS, state_at=()),
    Answer(9, "nextValidId", Deliver.ACCOUNTS),  # asked behind news bulletins, as their end
    _by_request(10, "contractDetails", 1, until=_WITH_VERSION),
    Answer(11, "execDetails", Deliver.ORDERS, 2, 16, client_at=22, perm_at=21),
    _by_request(12, "updateMktDepth", 2, operation_at=4),
    _by_request(13, "updateMktDepthL2", 2, operation_at=5),
    Answer(14, "updateNewsBulletin", Deliver.ACCOUNTS, state_at=(2,)),
    Answer(15, "managedAccounts", Deliver.PROXY),
    Answer(16, "receiveFA", Deliver.SERIAL, key_at=2),
    _by_request(17, "historicalData", 1),
    _by_request(18, "bondContractDetails", 1, until=_WITH_VERSION),
    Answer(19, "scannerParameters", Deliver.SERIAL),
    _by_request(20, "scannerData", 2, state_at=()),
    _by_request(21, "tickOptionComputation", 1, state_at=(2,), is_tick=True),
    _by_request(45, "tickGeneric", 2, state_at=(3,), is_tick=True),
    _by_request(46, "tickString", 2, state_at=(3,), is_tick=True),
    _by_request(47, "tickEFP", 2, state_at=(3,), is_tick=True),
    Answer(49, "currentTime", Deliver.SERIAL),
    _by_request(50, "realtimeBar", 2),
    _by_request(51, "fundamentalData", 2),
    _by_request(52, "contractDetailsEnd", 2, end=True),
    Answer(53, "openOrderEnd", Deliver.ORDERS, end=True),
    Answer(54, "accountDownloadEnd", Deliver.ACCOUNTS, account_at=2, end=True),
    Answer(55, "execDetailsEnd", Deliver.BY_REQUEST, 2, end=True),
    _by_request(56, "deltaNeutralValidation", 2, state_at=()),
    _by_request(57, "tickSnapshotEnd", 2, end=True),
    _by_request(58, "marketDataType", 2, state_at=()),
    Answer(59, "commissionReport", Deliver.ORDERS),
    Answer(61, "position", Deliver.ACCOUNTS, account_at=2, state_at=(3,), gone_at=(14, 15)),
    Answer(62, "positionEnd", Deliver.ACCOUNTS, end=True),
    _by_request(63, "accountSummary", 2, account_at=3, state_at=(3, 4, 6)),
    _by_request(64, "accountSummaryEnd", 2, end=True),
    Answer(65, "verifyMessageAPI", Deliver.PROXY),
    Answer(66, "verifyCompleted", Deliver.PROXY),
    _by_request(67, "displayGroupList", 2),
    _by_request(68, "displayGroupUpdated", 2, state_at=()),
    Answer(69, "verifyAndAuthMessageAPI", Deliver.PROXY),
    Answer(70, "verifyAndAuthCompleted", Deliver.PROXY),
    _by_request(71, "positionMulti", 2, account_at=3, state_at=(3, 4, 17), gone_at=(15, 16)),
    _by_request(72, "positionMultiEnd", 2, end=True),
    _by_request(73, "accountUpdateMulti", 2, account_at=3, state_at=(3, 4, 5, 7)),
    _by_request(74, "accountUpdateMultiEnd", 2, end=True),
    _by_request(75, "securityDefinitionOptionParameter", 1),
    _by_request(76, "securityDefinitionOptionParameterEnd", 1, end=True),
    _by_request(77, "softDollarTiers", 1),
    Answer(78, "familyCodes", Deliver.SERIAL),
    _by_request(79, "symbolSamples", 1),
    Answer(80, "mktDepthExchanges", Deliver.SERIAL),
    _by_request(81, "tickReqParams", 1, state_at=()),
    _by_request(82, "smartComponents", 1),
    _by_request(83, "newsArticle", 1),
    _by_request(84, "tickNews", 1, state_at=(3, 4), kept=20),
    Answer(85, "newsProviders", Deliver.SERIAL),
    _by_request(86, "historicalNews", 1),
    _by_request(87, "historicalNewsEnd", 1, end=True),
    _by_request(88, "headTimestamp", 1),
    _by_request(89, "histogramData", 1),
    _by_request(90, "historicalDataUpdate", 1, state_at=(3,), kept=2),
    _by_request(91, "rerouteMktDataReq", 1, state_at=()),
    _by_request(92, "rerouteMktDepthReq", 1, state_at=()),
    Answer(93, "marketRule", Deliver.SERIAL, key_at=1),
    _by_request(94, "pnl", 1, state_at=()),
    _by_request(95, "pnlSingle", 1, state_at=()),
    _by_request(96, "historicalTicks", 1, continued=True),
    _by_request(97, "historicalTicksBidAsk", 1, continued=True),
    _by_request(98, "historicalTicksLast", 1, continued=True),
    _by_request(99, "tickByTick", 1),
    Answer(100, "orderBound", Deliver.ORDERS, 3, client_at=2, perm_at=1),
    Answer(101, "completedOrder", Deliver.SERIAL, account_at=19, perm_at=23),
    Answer(102, "completedOrdersEnd", Deliver.SERIAL, end=True),
    _by_request(103, "replaceFAEnd", 1),
    _by_request(104, "wshMetaData", 1),
    _by_request(105, "wshEventData", 1),
    _by_request(106, "historicalSchedule", 1),
    _by_request(107, "userInfo", 1),
)


def _by_id(rows: tuple[Request, ...] | tuple[Answer, ...], kind: str) -> dict[bytes, object]:
    table: dict[bytes, object] = {}
    for row in rows:
        key = str(row.msg_id).encode()
        if key in table:
            raise ValueError(f"two rows for {kind} {row.msg_id}")
        table[key] = row
    return table


def requests_by_id() -> dict[bytes, Request]:
    """Return message id, as it stands on the wire -> row.

    Raises:
        ValueError: an id has two rows.
    """
    return _by_id(REQUESTS, "request")  # type: ignore[return-value]


def answers_by_id(server_version: int) -> dict[bytes, Answer]:
    """Return message id, as it stands on the wire -> row, as laid out at `server_version`.

    Raises:
        ValueError: an id has two rows.
    """
    rows = tuple(row.at_version(server_version) for row in ANSWERS)
    return _by_id(rows, "answer")  # type: ignore[return-value]
