"""What the scenarios of joins and leaves share: a line in the inventory, runs, a ledger of jobs, and a witness."""
