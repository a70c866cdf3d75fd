from ib_async.wrapper import *
