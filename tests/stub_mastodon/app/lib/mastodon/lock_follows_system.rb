# frozen_string_literal: true

module Mastodon
  # Debian gives a gem a new point release with a security update, and a frozen bundle would then miss
  # the version it was locked to. Where a locked version is gone and another of the same gem is there,
  # the lock file is moved to that one, before Bundler reads it. Nothing is written when all are there.
  module LockFollowsSystem
    SPEC = /^    (?<name>[\w.-]+) \((?<version>[\w.]+)(?<platform>-[\w-]+)?\)$/

    module_function

    def call(path)
      return unless File.file?(path)

      text = File.read(path)
      moved = text.scan(SPEC).filter_map { |name, version, _| moved_version(name, version) }
      return if moved.empty?

      File.write(path, moved.reduce(text) { |lock, (name, old, new)| replace(lock, name, old, new) })
    end

    def moved_version(name, locked)
      installed = installed_versions(name)
      return if installed.empty? || installed.include?(locked)

      [name, locked, installed.max_by { |version| Gem::Version.new(version) }]
    end

    # Asks the file names of the specifications, because RubyGems itself already obeys Bundler here.
    def installed_versions(name)
      @directories ||= [Gem.default_dir, *Gem.default_path].uniq.flat_map do |directory|
        ["#{directory}/specifications", "#{directory}/specifications/default"]
      end
      @directories.flat_map { |directory| Dir.glob("#{directory}/#{name}-*.gemspec") }
                  .filter_map { |file| File.basename(file, '.gemspec').delete_prefix("#{name}-") }
                  .grep(/\A\d[\w.]*\z/)
    end

    def replace(lock, name, old, new)
      lock.gsub(/^(    #{Regexp.escape(name)}) \(#{Regexp.escape(old)}\)$/, "\\1 (#{new})")
          .gsub(/^(      #{Regexp.escape(name)}) \(= #{Regexp.escape(old)}\)$/, "\\1 (= #{new})")
    end
  end
end
