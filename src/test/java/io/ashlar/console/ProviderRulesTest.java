package io.ashlar.console;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.ashlar.access.InvalidRequestException;
import io.ashlar.access.Role;
import io.ashlar.identity.SignInProvider.Rule;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProviderRulesTest {
    @Test
    void rules_are_read_as_they_are_written() {
        List<Rule> rules = List.of(
                new Rule("realm_access.roles", "ashlar-admin", Role.PLATFORM_ADMINISTRATOR, null),
                new Rule("https://acme.example/groups", "urn:acme:ops", Role.PLATFORM_VIEWER, null),
                new Rule("email", "jo@acme.example", Role.TENANT_ADMINISTRATOR, "acme"),
                new Rule("groups", "*", Role.TENANT_DEVELOPER, "{https://acme.example/team}"),
                new Rule("groups", "all of us", Role.TENANT_VIEWER, "acme"));
        assertThat(ProviderRules.parse(ProviderRules.text(rules))).isEqualTo(rules);
        assertThat(ProviderRules.parse("\n  groups=*:tenant_viewer@acme \n\n"))
                .containsExactly(new Rule("groups", "*", Role.TENANT_VIEWER, "acme"));
    }

    @Test
    void what_is_no_rule_is_named() {
        for (String line :
                List.of("groups", "groups = a", "groups = a : king", "= a : tenant_viewer", "groups = : x")) {
            assertThatThrownBy(() -> ProviderRules.parse("a = b : platform_viewer\n" + line))
                    .as(line)
                    .isInstanceOf(InvalidRequestException.class)
                    .hasMessageContaining("'" + line + "'")
                    .hasMessageContaining("platform_administrator");
        }
    }
}
