from ib_async.contract import *
