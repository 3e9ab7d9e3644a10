"""What the shop does with money: what each operation asks and locks, and how it is decided."""
