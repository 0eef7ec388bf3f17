//! Sessions and throttle counters on Redis or Valkey, single node and Cluster.
