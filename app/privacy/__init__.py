"""What an app's members decide about its data: settings, retention by age, erasure of a user."""
