"""News: providers (85), articles (84), those of the past (86), and headlines as they come (292)."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import partial
from itertools import islice, takewhile

from ibproxy_sim.data.quotes import Quotes, Subscription
from ibproxy_sim.exchange.times import parse_time_s
from ibproxy_sim.exchange.universe import Universe
from ibproxy_sim.feeds.articles import CODES, PROVIDERS, Archive, Article
from ibproxy_sim.feeds.permission import NEWS, has_feed
from ibproxy_sim.wire.gateway import Client, Gateway

NEWS_TICKS = 292
LATEST = 4
"""Headlines that a new subscription gets at once [recorded: four] (fact 4.6)."""

MOST_RESULTS = 300
GONE_AFTER_S = 5.0
"""After which a refused request for news is refused once more (fact 4.27)."""

NEWS_TIME = "%Y-%m-%d %H:%M:%S"
PLAIN_TEXT = 0


class News:
    """Serves news."""

    def __init__(self, gateway: Gateway, universe: Universe, quotes: Quotes) -> None:
        self._gateway = gateway
        self._universe = universe
        self._quotes = quotes
        self._archive = Archive(gateway.settings.seed)

    def install(self) -> None:
        """Take over these message ids of the gateway."""
        self._gateway.handlers |= {
            "84": self.article,
            "85": self.providers,
            "86": self.past,
        }
        self._quotes.on_start.append(self.follow)

    def providers(self, client: Client, _fields: list[str]) -> None:
        """Answer reqNewsProviders (85); without the feed there are none."""
        shown = PROVIDERS if NEWS.name in self._gateway.settings.feeds else ()
        self._gateway.send(client, 85, len(shown), *(text for row in shown for text in row))

    def article(self, client: Client, fields: list[str]) -> None:
        """Answer reqNewsArticle (84) with 83."""
        req_id, article_id = fields[1], fields[3]
        if not has_feed(self._gateway, client, req_id, NEWS):
            return
        found = self._article(article_id)
        if found is None:
            text = f"Failed to request news article:Article {article_id} is not found"  # [assumed]
            self._gateway.error(client, req_id, 10172, text)
            return
        text = f"{found.headline}. Made up for the stand-in gateway; not news of any kind."
        self._gateway.send(client, 83, req_id, PLAIN_TEXT, text)

    def _article(self, article_id: str) -> Article | None:
        """The article of an id, whichever provider a request names beside it [assumed]."""
        address = Archive.address(article_id)
        instrument = self._universe.by_con_id(address[2]) if address else None
        if address is None or instrument is None or address[0] not in CODES:
            return None
        return self._archive.at(instrument, address[0], address[1])

    def past(self, client: Client, fields: list[str]) -> None:
        """Answer reqHistoricalNews (86): newest first, then 87 and whether there is more."""
        req_id, con_id, codes, start, end, total = fields[1:7]
        if not has_feed(self._gateway, client, req_id, NEWS):
            return
        instrument = self._universe.by_con_id(int(con_id or 0))
        providers = tuple(code for code in codes.split("+") if code)
        if instrument is None or not providers or not set(providers) <= set(CODES):
            text = "Failed to request historical news:Invalid request"  # [assumed] wording
            self._gateway.error(client, req_id, 10173, text)
            return
        start_s = _moment_s(start, 0.0)
        end_s = min(_moment_s(end, self._gateway.now_s), self._gateway.now_s)
        most = min(int(total or MOST_RESULTS), MOST_RESULTS)
        newest = self._archive.before(instrument, providers, end_s)
        found = list(islice(takewhile(lambda a: a.time_s > start_s, newest), most + 1))
        for article in found[:most]:
            row = (article.time_text, article.provider, article.article_id, article.headline)
            self._gateway.send(client, 86, req_id, *row)
        self._gateway.send(client, 87, req_id, int(len(found) > most))

    # as they come

    def follow(self, stream: Subscription, generic_text: str) -> None:
        """Send the latest headlines of a subscription with generic tick 292, and those to come."""
        if NEWS_TICKS not in stream.generics:
            return
        providers = _sources(generic_text) or CODES
        unknown = [code for code in providers if code not in CODES]
        if unknown or NEWS.name not in self._gateway.settings.feeds:
            self._refuse(stream, (unknown or providers)[0])
            return
        latest = self._archive.before(stream.instrument, providers, self._gateway.now_s)
        for article in reversed(list(islice(latest, LATEST))):
            self._send(stream, article)
        self._plan(stream, providers)

    def _refuse(self, stream: Subscription, code: str) -> None:
        """Source not enabled: the request is dead, and a while later dead again (fact 4.27)."""
        client, req_id = stream.client, stream.req_id
        self._quotes.streams.remove(client, req_id)
        text = f"API News error:Source code unchecked in API news Settings: {code}"
        self._gateway.error(client, req_id, 10094, text)
        later = "No market data during competing live session"
        self._gateway.call_later(
            GONE_AFTER_S, lambda: self._gateway.error(client, req_id, 10197, later)
        )

    def _plan(self, stream: Subscription, providers: tuple[str, ...]) -> None:
        article = self._archive.after(stream.instrument, providers, self._gateway.now_s)
        if article:
            tell = partial(self._tell, stream, providers, article)
            self._gateway.call_at(article.time_s, tell)

    def _tell(self, stream: Subscription, providers: tuple[str, ...], article: Article) -> None:
        if self._quotes.streams.get(stream.client, stream.req_id) is stream:
            self._send(stream, article)
            self._plan(stream, providers)

    def _send(self, stream: Subscription, article: Article) -> None:
        self._gateway.send(
            stream.client,
            84,
            stream.req_id,
            int(article.time_s * 1000),
            article.provider,
            article.article_id,
            article.headline,
            f"A:{stream.instrument.con_id}:L:en:K:{article.score}:C:{abs(article.score)}",
        )


def _sources(generic_text: str) -> tuple[str, ...]:
    """The providers behind 292 in a list such as `mdoff,292:BRFG+DJNL`."""
    for part in generic_text.split(","):
        number, _, codes = part.strip().partition(":")
        if number == str(NEWS_TICKS):
            return tuple(code for code in codes.split("+") if code)
    return ()


def _moment_s(text: str, default_s: float) -> float:
    """A time of a news request, in UTC: with dashes, or like those of other requests."""
    text = text.strip()
    if not text:
        return default_s
    try:
        moment = datetime.strptime(text.partition(".")[0], NEWS_TIME)  # noqa: DTZ007 - UTC, below
    except ValueError:
        return parse_time_s(text)
    return moment.replace(tzinfo=timezone.utc).timestamp()
