namespace Keyturn.Backend.Tests.World;

/// <summary>Signed by keys that were made to be weak, with OpenSSL and a few lines of Python; the private keys were thrown away.</summary>
internal static class WeakCsrs
{
    /// <summary>The two factors differ in their lower half only.</summary>
    public const string CloseFactors =
        """
        -----BEGIN CERTIFICATE REQUEST-----
        MIICVTCCAT0CAQAwEDEOMAwGA1UEAwwFcHVtcDEwggEiMA0GCSqGSIb3DQEBAQUA
        A4IBDwAwggEKAoIBAQDGh0ymIx7OrOAjZxZxM1YAmejTnQ+6Q9Jjyb7HBOxjq4or
        PZs8Q5TwKHei/QYr7UDtRNNbQdrs3Yo9mb6TRYqoPnDt6ZbSX8lNAUI1en0qi/cS
        zHzX4SMpyRI4lFmC/EmEq4upOW4JIXPASEtwB27/YRlBt0gi4A9bdfFDkhK71hC/
        JmRIkBAJ1R1nw0MUbnpUXpZTB8hWuBNm9wt8UqfbEkUu8etXBA3oYx6pO4wqb9/q
        ZO+mM7ULKnUR91Fx7TxU4KlRcp3p6w/HD5jBbQ7NsWq0LCpSOlfX6+xRCQpHpmby
        QBtkIsX6pd8FLJR0g6cvLSxCsacTMstdvdE+4pixAgMBAAGgADANBgkqhkiG9w0B
        AQsFAAOCAQEAe7ZlRLtG+dZOnWe9tO1CGQ4KtB9QK9UYcfbeauCpTNbj+Dp24g11
        RHZW1v/tILY77SGN7hYewdvaBoclhUzptThv+WKvlfCDh9xYR3RtmxV3VyvJHsq5
        zhsJVVoh96MLYt7+Jhq/UidqsEI8Jmo24XNll1RTj7DjGxgDb1sWqxqMwH1rQLKB
        jVlXXh2vNWJsSs2Mpb1gvpmJ+c+hS6Iw1gfzCYiGL32I/DUCxVBN+3w98ydGZ87C
        Va/TyWEJWFm0nn/sSKO/D5t6fQXMIAawIz5sMMxShwmZHDFQxvIr/k+ICVg/FlR2
        DBaM/EXEPcLgx0YSzznFzhKFdPeySF2Ksg==
        -----END CERTIFICATE REQUEST-----
        """;

    /// <summary>Both factors are k·M + (65537^a mod M), M the product of the first 126 primes.</summary>
    public const string Roca =
        """
        -----BEGIN CERTIFICATE REQUEST-----
        MIICVTCCAT0CAQAwEDEOMAwGA1UEAwwFcHVtcDEwggEiMA0GCSqGSIb3DQEBAQUA
        A4IBDwAwggEKAoIBAQCngzbiZSWusgSGyG8GWQo6HgZhH5DJ1fflVZJUQka7rs4c
        oVw1vKQOPYF+ru/O3huKTcF5sYqlpOSXCQLbVGW4USr0TqalthOo6zanyPzBE6AC
        AOoIyXsDDhpoqbHO+fhs21O73ewheze2bhU/CxZrG9ViVRAKzLTawI4ZlH0vE25Y
        tuB2YYnxU0Qw9RgwcLa7MXothMpKX4G+3rLUwMV96obprgw/rX2h0ghY2DX/N7PX
        3jimMC8bDQMxQL7qPmOktyFFzdxHoc9YU0Fu8/KYyy+v8vOXz4jH0LnjXkwMEVQo
        K7SN4fhWR/Wk5UQ1Mych+iZrTOF0efHjUayhdtKfAgMBAAGgADANBgkqhkiG9w0B
        AQsFAAOCAQEAYBF5PhLZ/jjR+NViPRyB383RE7Umv+SNOC/JcVaJTcQ8v7sdj9MJ
        gQhzG04UU9kSHskN0xBd7COY9DDZC6qnvs6yixEQsuQH7p4e4qM7iv17VkEqHnEl
        pXG8ZWCqZlxgWcLezmOZ3JxrbsgODO5ehTQMQvbUhkLYyVUyTwVp8piGjMWLVSYs
        4Be2kIRLlhU5n7GbUuiSUv2iZFc47YVOrq5za0iXXrSWtwNPSYScL9iSfUdygWiv
        MQcNt9RPAA5u+4hYZAWMRF7YzJcHIqGcfNBoPa2verezbbTe+eGuWxNy3IKhBfmv
        UcPNnp5zSKkPGPz4UoeZl6Zd28TcfucWsw==
        -----END CERTIFICATE REQUEST-----
        """;

    /// <summary>One factor is 641.</summary>
    public const string SmallFactor =
        """
        -----BEGIN CERTIFICATE REQUEST-----
        MIICVTCCAT0CAQAwEDEOMAwGA1UEAwwFcHVtcDEwggEiMA0GCSqGSIb3DQEBAQUA
        A4IBDwAwggEKAoIBAQCPrp/2joyYyS1U1Ucw/Ir+r2dZ215M4LiHPTWY9XcUIsje
        WWVZ/tB7KgOVt8m1MDPsu1O8BaB0mei6d1A52KvOiR/hHjz9db4g+Dh5+/rsupAw
        JYVkdVPG90NSsd/gJhUAWm/p9FGfxrh8Z6Co78AjMaUBlF3CY4bMbdD/76orPr14
        Hj5lSjpCyyGhmi+l4IFitw5AhnouBTZvj542208mus77/FZsIIqR3IOLDKg9aImw
        5qgJu+lFxAq7bdaRmdl329OBRvNB7mHHJcTLplgh/GRjpYsrOg/vqQNz0J/9ipyB
        4znqGPMu1GbMF2QbvOHIpAw0Hsjj9xuUc29C13DzAgMBAAGgADANBgkqhkiG9w0B
        AQsFAAOCAQEARn2XxIRZWLqPJ61hlkmfFVBSFNAOJEI2Yj20I2ylJk3TFN8yZ6ka
        2y1P8Ahurk19dql9L15Nb/sI9XQj5cUD+hZXZk9TLvRqFZeh7v0BuQPjP5J0oc2L
        I6mQw+sNViKjn1MWilrbd7Q/qDoM1toXN/WEYE/ua3I0bExFCh4352yyHPoh8WLL
        5mHj7OfsVZKENvpstn8Up8ZgoAlNbh7Nvh+Qj3T2SmB4TRxtJyzTBBZwjIm6/ldF
        pAUX3Bylco4nD+bzpqlesQwwlTpMIcrRLO4pUk2PDT+6LeEqiuvg5toQ36G6glgL
        JRfCzL855P+0IgYEBtMQnIL2da7GYOm3DQ==
        -----END CERTIFICATE REQUEST-----
        """;

    /// <summary>The exponent is 3.</summary>
    public const string SmallExponent =
        """
        -----BEGIN CERTIFICATE REQUEST-----
        MIICUzCCATsCAQAwEDEOMAwGA1UEAwwFcHVtcDEwggEgMA0GCSqGSIb3DQEBAQUA
        A4IBDQAwggEIAoIBAQDKIWxk19oOHPznj/U/AHt7RP05eWd8HkoeyJINwuSEobih
        +EFz/paz1eyU4CVRW3pynwqrSVQIbSK6ftAY2WbhWaznXNTCinmt0tTWsco0Qmd7
        QSP77cmaPmIIEXXPD2VRe2+wn/NLwfhrzPYoPFeJqY5UuSKHHetOPsSvHR/X6uBn
        udGDeaHSwapz7+ZbAK3aUCUQN566p+lW7GvsJPNsbcIU4TvbofeqXQBIHen/ftyI
        yZQ2cupHzh3263Get5Jt3G6x4L9zlKKeZ5nnbBepaBrrzYHn+6oOgKcMIPtv9ntR
        Slt7iFt/Lq9aIqwm4kx2OIk+B23/9oPJ9SWd/OmpAgEDoAAwDQYJKoZIhvcNAQEL
        BQADggEBACz6s+4iPIDqVV8eDL6Frl8MBXRE4BNv/GXiq0U8lIsBOQQicaDJgeO6
        l2nQia7UEhj2aqAC8ZbWM55zyDOwqq+kelItTTXzjSZ0M+n90yylLAi7XqH46Wd5
        p7Bmgb0oRBpwsSkfvuWSW6f5xGEie8lac7ueN5HLj/uCs3skLXXdNdDs5RvkDJ3X
        evE30uv9ivbVnmnoxNtRi7S/Nw00dv/W/UEtQAoNNVs+xPncsM2j+xN7K1NbwtLv
        akZ0jIsnFCidUAl3sOdW94KE9ctdl6YUXO6cI56ce4kdY50xjFu+Pr8F6IBODNrC
        x3WTnUi9JlNvOTHFbo/Rtx2s2ZMCxHU=
        -----END CERTIFICATE REQUEST-----
        """;

    /// <summary>Of the key that openssl made as process 1000 on a PowerPC of Debian 4.0, as <c>badkeys/debianopenssl</c> on GitHub has it.</summary>
    public const string DebianRsa =
        """
        -----BEGIN CERTIFICATE REQUEST-----
        MIICVTCCAT0CAQAwEDEOMAwGA1UEAwwFcHVtcDEwggEiMA0GCSqGSIb3DQEBAQUA
        A4IBDwAwggEKAoIBAQClZpexTibcBn5YwYuyQEm/Kdxoz2OQGDeWgY3W1fezJ50t
        X0oSJlTDwQ/hKVpiT6WsmiIofLwk1tjzlFbryUxnR29LbkBX87rI01ksqFGL4BpC
        hGYYxXgbMjihW4aFGuJY+zNvZm5Y9IPwkCjo0Jhm8fOV2jd3gKKXIphwXnP8HZLt
        47jyLscBn1wEQATiYYle9MCnjqhEcnI6vsIt0nMlDQnPVkyG54PCG3XNnmqUPQVI
        Eleimx5VDZS7BsFyoQXdYz/MCk1UcCs+wVW2xmWUsMfYrULs9aOBy8R4au5M45eO
        /7tfdFRPBBPBOnz9jeBLdvBxVFRdUbsyoRW0ywg3AgMBAAGgADANBgkqhkiG9w0B
        AQsFAAOCAQEAT9JHE/+ySiA0zis0Yt+/zRBLNUBa6iPZ0rZVfYgZlB87Vpsnj3BR
        X678qp0r8Bw5/EVsCXLWutrmD2A3j2lKPRBaygaGFTBZNVulF/r/ar5Fzsz/xYAK
        HmjpWTTU5wBbVO9J+oz5Kav/4X6YMe7WxUoAS1s7m8GZ+sMYvJ3b0E4U50p3h9Ro
        Y6f65WR5K/h2GUxcM2nsBmczEGLMrLSTa63CWRmEwhdshGHD3YizixPwp0iVU7I7
        d8SigNYuHUW14Gj+nMZeWB5ZOpGg5M2+dHW4k3MpvqAw7Zz88577UmtlXjjL1wAc
        tQ/bgt6DQ/Y3JTI72PyvgCjyAx6K0iLnYg==
        -----END CERTIFICATE REQUEST-----
        """;

    /// <summary>Its key on P-256 on an x86-64.</summary>
    public const string DebianEcdsa =
        """
        -----BEGIN CERTIFICATE REQUEST-----
        MIHJMHICAQAwEDEOMAwGA1UEAwwFcHVtcDEwWTATBgcqhkjOPQIBBggqhkjOPQMB
        BwNCAAS19mOwvI1bpP6YNp07G9cK1q+Be5k3bFAEfuLTa9DiTsv6+JV/LUReWx5X
        zxIIYVIU+POVWwhcy9O7MoaSo3LKoAAwCgYIKoZIzj0EAwIDRwAwRAIgdtuMpKUO
        hznGeazGCkvpIFsVWZswg9r1D+71bYw1wUICIF3gX6LzT7ZAf1ssX7DZHt1bIPtE
        QVelHbGjaj/2kkIu
        -----END CERTIFICATE REQUEST-----
        """;

    /// <summary>P-256, but named by its parameters.</summary>
    public const string ExplicitCurve =
        """
        -----BEGIN CERTIFICATE REQUEST-----
        MIIBwTCCAWYCAQAwEDEOMAwGA1UEAwwFcHVtcDEwggFLMIIBAwYHKoZIzj0CATCB
        9wIBATAsBgcqhkjOPQEBAiEA/////wAAAAEAAAAAAAAAAAAAAAD/////////////
        //8wWwQg/////wAAAAEAAAAAAAAAAAAAAAD///////////////wEIFrGNdiqOpPn
        s+u9VXaYhrxlHQawzFOw9jvOPD4n0mBLAxUAxJ02CIbnBJNqZnjhE50mt4GffpAE
        QQRrF9Hy4SxCR/i85uVjpEDydwN9gS3rM6D0oTlF2JjClk/jQuL+Gn+bjufrSnwP
        nhYrzjNXazFezsu2QGg3v1H1AiEA/////wAAAAD//////////7zm+q2nF56E87nK
        wvxjJVECAQEDQgAE1/AKe4/58TJRGxXW1wHcEWWupA+3ltPuwjZE46vOHuf1VtSw
        jXnc48D87r4+VTL3ufn4CtlJ0j2HHuHoJ5YIwqAAMAoGCCqGSM49BAMCA0kAMEYC
        IQDl9gl5zsygrfGXbrpw1a31bBsFhtbIHUmR72ysuwFOZAIhAOlRRKsEdZTgwBuw
        Vubuw5PWQwqaZ48EzOezmUkMYPSK
        -----END CERTIFICATE REQUEST-----
        """;

    /// <summary>Sound, but of no kind that AWS IoT takes.</summary>
    public const string Ed25519 =
        """
        -----BEGIN CERTIFICATE REQUEST-----
        MIGPMEMCAQAwEDEOMAwGA1UEAwwFcHVtcDEwKjAFBgMrZXADIQAah3l0eRchv5L/
        OyIh6fhrG4BqJkXP9GPwYURrdgDWqKAAMAUGAytlcANBAJI4hFJvzGElqfuzyw2j
        8WmDBnN5RttzotKfDIOChkX35qHYsXZcshLZNkQSgVojEOzDJL2oTAW6Ay2eO8Dj
        qAk=
        -----END CERTIFICATE REQUEST-----
        """;
}
