"""Requests with a request id: who asked, under which id, and who shares.

desk              what clients ask and what the gateway answers, carried both ways
registry          the requests that are live upstream: their ids, and how they end
upstream_request  one request at the gateway, and its members
sharing           when two requests are one upstream, and who then sees what
generic_ticks     which ticks a generic tick list asks for
memory            what a late joiner is shown: last values, the book, the last bars
delivery          who of a request's members is told what
live_bars         where the past meets the live bars that follow it
pace              the gateway's rules for how often something may be asked
waiting_room      requests that those rules hold back
limits            how much may run at once
budget            whether there is room for one more, and who has the rest
refusals          errors that are tried again, or about something else
silence           questions that nobody answers
renewal           what becomes of a request when the link to the gateway breaks
static_answers    answers that do not change for a while
"""

from ibproxy_server.core.requests.desk import RequestDesk
from ibproxy_server.core.requests.limits import Limits
from ibproxy_server.core.requests.registry import FIRST_REQUEST_ID

__all__ = ["FIRST_REQUEST_ID", "Limits", "RequestDesk"]
