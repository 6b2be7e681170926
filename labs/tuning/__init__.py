import logging

# When imported, bitsandbytes looks on the CPU for a faster kernel and says that the package for it is not there.
logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
