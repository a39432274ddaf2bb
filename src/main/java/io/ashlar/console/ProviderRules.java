package io.ashlar.console;

import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Role;
import io.ashlar.identity.SignInProvider.Rule;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** What a provider's claims make of people, as lines of text: {@code claim = value : role @ tenant}. */
final class ProviderRules {
    // A claim may hold colons, and a value an at sign: the role is after the last colon that a word follows.
    private static final Pattern LINE =
            Pattern.compile("\\s*(.+?)\\s*=\\s*(.+?)\\s*:\\s*(?<role>[a-z_]+)\\s*(?:@\\s*(?<tenant>\\S+)\\s*)?");

    private ProviderRules() {}

    static String text(List<Rule> rules) {
        return rules.stream().map(ProviderRules::text).collect(Collectors.joining("\n"));
    }

    private static String text(Rule rule) {
        return rule.claim() + " = " + rule.value() + " : " + rule.role().word()
                + (rule.tenant() == null ? "" : " @ " + rule.tenant());
    }

    /** @throws InvalidRequestException with the first line that is no rule */
    static List<Rule> parse(String text) {
        return text.lines()
                .filter(line -> !line.isBlank())
                .map(ProviderRules::rule)
                .toList();
    }

    private static Rule rule(String line) {
        Matcher parts = LINE.matcher(line);
        Role role = parts.matches() ? Role.of(parts.group("role")).orElse(null) : null;
        if (role == null) {
            throw new InvalidRequestException(
                    "rules",
                    "A rule is 'claim = value : role' or 'claim = value : role @ tenant', with one of the roles "
                            + Role.allWords() + "; not '" + line.strip() + "'.");
        }
        return new Rule(parts.group(1), parts.group(2), role, parts.group("tenant"));
    }
}
