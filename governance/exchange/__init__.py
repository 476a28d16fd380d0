"""Going along with a Safe Transaction Service that others run, so that users of Safe{Wallet} can join in."""
