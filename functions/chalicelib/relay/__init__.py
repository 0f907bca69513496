"""From Postgres to SQS: wakes the consumers of jobs that are due."""
