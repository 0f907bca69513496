"""SQS on one machine: moto's engine behind a small server."""
