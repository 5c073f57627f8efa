"""Load on a server by Locust, whose answers are held to the contract on the way."""
