"""Orders: never lost, never doubled, never guessed.

desk             what sessions ask about orders, and what is told of them
book             which order is whose: ids mapped both ways, the last known state of each
executions       executions and their commissions
owners           whose an order is, and by which ids a session knows it
layout           where things stand in order messages
recorder         what the journal must know, and what waits until it does
journal_entries  what is written to the journal, as values
doubts           orders that may have got lost on their way
"""
