"""What every node knows about the country: topics and regions. It knows nothing of cases or members."""
