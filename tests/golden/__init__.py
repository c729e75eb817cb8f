"""Golden crops: what each network made of two pictures before the second plan of the house."""
