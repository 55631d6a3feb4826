"""What holds for every test: none of them depends on how fast the machine is."""

from hypothesis import HealthCheck, settings

settings.register_profile("fabmarket", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("fabmarket")
