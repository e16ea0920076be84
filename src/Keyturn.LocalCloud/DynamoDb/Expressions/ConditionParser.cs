namespace Keyturn.LocalCloud.DynamoDb.Expressions;

/// <summary>
/// Reads ConditionExpression, FilterExpression and KeyConditionExpression
/// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html).
/// </summary>
internal sealed class ConditionParser : ExpressionParser
{
    private static readonly string[] Comparators = ["=", "<>", "<", "<=", ">", ">="];
    private static readonly string[] Types = ["S", "SS", "N", "NS", "B", "BS", "BOOL", "NULL", "L", "M"];

    private ConditionParser(string member, string text, ExpressionContext context)
        : base(member, text, context)
    {
    }

    public static Condition Parse(string member, string text, ExpressionContext context) => Parse(member, text, context, out _);

    /// <param name="paths">The attributes that the condition reads.</param>
    public static Condition Parse(string member, string text, ExpressionContext context, out IReadOnlyList<DocumentPath> paths)
    {
        var parser = new ConditionParser(member, text, context);
        var condition = parser.Disjunction();
        parser.ExpectEnd();
        paths = parser.Paths;
        return condition;
    }

    private Condition Disjunction()
    {
        var left = Conjunction();
        while (TakeKeyword("OR"))
        {
            CountOperator();
            left = new OrCondition(left, Conjunction());
        }

        return left;
    }

    private Condition Conjunction()
    {
        var left = Negation();
        while (TakeKeyword("AND"))
        {
            CountOperator();
            left = new AndCondition(left, Negation());
        }

        return left;
    }

    private Condition Negation()
    {
        if (!TakeKeyword("NOT"))
            return Primary();
        CountOperator();
        return new NotCondition(Negation());
    }

    private Condition Primary()
    {
        if (!Current.Is("("))
            return Current.Kind == ExpressionTokenKind.Word && Following.Is("(") && Current.Text != "size" ? Function() : Comparing();
        // Counted too, so that nothing but parentheses can't nest without end.
        CountOperator();
        Expect("(");
        var redundant = Current.Is("(");
        var inner = Disjunction();
        if (redundant && inner is not (AndCondition or OrCondition))
            throw Invalid("The expression has redundant parentheses;");
        Expect(")");
        return inner;
    }

    private Condition Comparing()
    {
        CountOperator();
        var left = Operand();
        if (TakeKeyword("BETWEEN"))
        {
            var low = Operand();
            if (!TakeKeyword("AND"))
                throw SyntaxError();
            return Between(left, low, Operand());
        }

        if (TakeKeyword("IN"))
        {
            Expect("(");
            var among = new List<Operand>();
            do
                among.Add(Operand());
            while (Take(","));
            Expect(")");
            return among.Count <= 100 ? new InCondition(left, among) : throw Invalid("The IN operator is provided with too many operands; number of operands: " + among.Count);
        }

        if (!Comparators.Contains(Current.Text))
            throw SyntaxError();
        var comparator = Next().Text;
        var right = Operand();
        if (left == right)
            throw Invalid($"The first operand must be distinct from the remaining operands for this operator or function; operator: {comparator}, first operand: {left}");
        if (comparator is not ("=" or "<>"))
        {
            foreach (var operand in new[] { left, right })
            {
                if (operand is ValueOperand { Value: not (StringValue or NumberValue or BinaryValue) } unordered)
                    throw WrongType(comparator, unordered.Value);
            }
        }

        return new Comparison(comparator, left, right);
    }

    private BetweenCondition Between(Operand value, Operand low, Operand high)
    {
        if (low is ValueOperand a && high is ValueOperand b)
        {
            if (a.Value.Type != b.Value.Type)
                throw Invalid($"The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {low}, upper bound operand: AttributeValue: {high}");
            if (AttributeValue.Compare(a.Value, b.Value) is not { } order)
                throw WrongType("BETWEEN", a.Value);
            if (order > 0)
                throw Invalid($"The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {low}, upper bound operand: AttributeValue: {high}");
        }

        return new BetweenCondition(value, low, high);
    }

    private Condition Function()
    {
        CountOperator();
        var name = Next().Text;
        Expect("(");
        Condition condition = name switch
        {
            "attribute_exists" => new ExistsCondition(Path(), Expected: true),
            "attribute_not_exists" => new ExistsCondition(Path(), Expected: false),
            "attribute_type" => new TypeCondition(PathThenComma(), TypeName()),
            "begins_with" => new BeginsWithCondition(PathThenComma(), Prefix()),
            "contains" => new ContainsCondition(PathThenComma(), Operand()),
            _ => throw Invalid($"Invalid function name; function: {name}"),
        };
        if (!Current.Is(")"))
            throw Invalid($"Incorrect number of operands for operator or function; operator or function: {name}");
        Expect(")");
        return condition;
    }

    private DocumentPath PathThenComma()
    {
        var path = Path();
        Expect(",");
        return path;
    }

    private string TypeName() => Value() switch
    {
        StringValue type when Types.Contains(type.Text) => type.Text,
        StringValue type => throw Invalid($"Invalid attribute type name found; type: {type.Text}, valid types: {{{string.Join(",", Types)}}}"),
        var other => throw WrongType("attribute_type", other),
    };

    private Operand Prefix()
    {
        var operand = Operand();
        return operand is ValueOperand { Value: not (StringValue or BinaryValue) } wrong ? throw WrongType("begins_with", wrong.Value) : operand;
    }

    private Operand Operand()
    {
        if (Current.Kind == ExpressionTokenKind.ValueReference)
            return new ValueOperand(Value());
        if (Current.Kind != ExpressionTokenKind.Word || !Following.Is("("))
            return new PathOperand(Path());
        if (Current.Text != "size")
        {
            throw Current.Text is "attribute_exists" or "attribute_not_exists" or "attribute_type" or "begins_with" or "contains"
                ? Invalid($"The function is not allowed to be used this way in an expression; function: {Current.Text}")
                : Invalid($"Invalid function name; function: {Current.Text}");
        }

        CountOperator();
        Next();
        Expect("(");
        var size = new SizeOperand(Path());
        Expect(")");
        return size;
    }
}
