# frozen_string_literal: true

# Asks for the client's address in every request, as a rate limiter does, so that a spoofed one is an error.
Rails.application.config.middleware.use(ClientAddress)
