from ib_async.decoder import *
