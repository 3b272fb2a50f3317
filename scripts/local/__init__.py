"""The whole bundle on one machine: no AWS account, no Intercom account, no Docker."""
