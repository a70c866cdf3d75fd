from ib_async.client import *
