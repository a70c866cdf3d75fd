from ib_async.connection import *
