"""The steps of `make deploy`: what is asked, what is built, what AWS is told. `scripts/deploy.py` puts them together."""
