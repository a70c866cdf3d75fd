"""The pure core of the proxy: it decides, and does no IO.

Theory of operation. The shell turns what happens into `events`; `hub.Hub.handle(now_s, event)`
returns `effects`, which the shell carries out in order. The hub looks a message up in the table
(`ibproxy.wire.messages`) and hands it to one of the desks:

    requests      with a request id: ids mapped, equal ones shared, late joiners shown the state
    orders        order ids mapped both ways, answers brought to the owner,
                  and recorded before they leave
    accounts      one picture of each account, a view for every session
    serial        without a request id: one of a kind at a time
    notices       message 4: to whom an error or a notice belongs
    session_desk  what a session answers by itself

`reception` lets clients in (`kinds` keeps paper and live apart), `session` is one client's
virtual gateway, `absences` keeps those whose link is broken, `upstream` is the proxy's own
connection, `heartbeat` notices when it is frozen,
`pacer` decides in which order and how fast messages go out. Only `hub` knows all of them; desks
share `context`.
"""
