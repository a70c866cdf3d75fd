from ib_async.order import *
