"""Orders: never lost, never doubled, never guessed.

desk              what goes to the gateway about orders, and what comes from it
instructions      orders, changes and cancels, as sessions give them
book              which order is whose: ids mapped both ways
record            one order, and how it stands as far as is known
executions        executions and their commissions
known_executions  which executions have been told
owners            whose an order is, and by which ids a session knows it
statements        what owners and others are shown of an order
open_lists        lists of open orders, and who waits for them
layout            where things stand in order messages
recorder          what the journal must know, and what waits until it does
journal_entries   what is written to the journal, as values
outage            orders, changes and cancels that are asked for during an outage
doubts            orders that may have got lost on their way
disowned          orders that the gateway knows by other ids than they were placed under
by_hand           orders entered in TWS: bound, if the proxy is client 0
nameless          what is listed without ids, and may be an order that may have got lost
reconciliation    what happened in an outage, asked of the gateway and told once
endings           how an order ended that is open no more
"""
