"""PostgreSQL from the wheel, dressed as the platform's."""

from infra.local.postgres.cluster import Cluster, ClusterError
from infra.local.postgres.platform import clone_database, create_database, drop_database

__all__ = ["Cluster", "ClusterError", "clone_database", "create_database", "drop_database"]
