"""What Till charges for deposits, withdrawals and exchanges, and the rules that say so."""
