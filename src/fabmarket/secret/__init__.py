"""A price from secret sums: members share their answers among three servers, which open signs."""
