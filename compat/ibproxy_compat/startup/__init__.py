"""A folder that `ibproxy run` puts in front of PYTHONPATH; it holds `sitecustomize.py` alone."""
